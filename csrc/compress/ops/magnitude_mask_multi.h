#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace compress {

/// magnitude_mask of many weights against one threshold, in one call: on the CPU one parallel region, on CUDA one
/// launch for up to 73 weights of one dtype.
///
/// weights     float32, float64, float16 or bfloat16 (they may differ), any shapes and strides, on one device
/// threshold   one float32 on the weights' device (see magnitude_threshold); never read by the host where it is on CUDA
std::vector<at::Tensor> magnitude_mask_multi(at::TensorList weights, const at::Tensor& threshold);

}  // namespace compress
