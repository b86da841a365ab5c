#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "compress/ops/cuda/launch.h"
#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cuda {

using math::FakeQuantizeCall;

/// In accesses of 16 bytes where the alignment allows.
void launch_fake_quantize(const FakeQuantizeCall& call, cudaStream_t stream);

/// One call of its backward: 8 bytes in and 4 out per float32 element. What is null is not wanted; `sums` has two
/// floats for each of `backward_sums` partial sums and is scratch of the two-stage reduction.
struct FakeQuantizeBackwardCall : math::FakeQuantizeOperands {
  const void* grad = nullptr;
  void* dx = nullptr;
  float* sums = nullptr;
  float* dscale = nullptr;
  float* dzero_point = nullptr;
  double grad_factor = 1.0;
};
void launch_fake_quantize_backward(const FakeQuantizeBackwardCall& call, cudaStream_t stream);

}  // namespace compress::cuda
