#pragma once

#include <ATen/core/Tensor.h>

namespace cuda_emulation {

// CUDA as torch sees it, in a program without CUDA: tensors of device "cuda" lie in guarded host memory, kernels run in
// the emulator, and torch's own operators run as on the CPU.

/// A copy on the emulated device with the same strides, at the placement that is set; undefined stays undefined.
at::Tensor to_device(const at::Tensor& host);
at::Tensor to_host(const at::Tensor& device);

}  // namespace cuda_emulation
