#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "compress/ops/math/quantizer.h"

namespace compress::cuda {

using math::FakeQuantizeCall;

/// In accesses of 16 bytes where the alignment allows.
void launch_fake_quantize(const FakeQuantizeCall& call, cudaStream_t stream);

/// One call of its backward: 8 bytes in and 4 out per float32 element. What is null is not wanted; `sums` is scratch of
/// the two-stage reduction, `backward_sums` of them, null where those are 0.
struct FakeQuantizeBackwardCall : math::FakeQuantizeOperands {
  const void* grad = nullptr;
  void* dx = nullptr;
  float* dscale = nullptr;
  float* dzero_point = nullptr;
  double grad_factor = 1.0;
  void* sums = nullptr;
};
void launch_fake_quantize_backward(const FakeQuantizeBackwardCall& call, cudaStream_t stream);

/// Sums of partial_sum_bytes each that the call needs, whatever its own `sums` is. 0 where each scale is one team's
/// work, which then takes one launch.
int64_t backward_sums(const FakeQuantizeBackwardCall& call);
constexpr int64_t partial_sum_bytes = 8;

}  // namespace compress::cuda
