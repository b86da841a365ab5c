#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// The packed mask (see pack_mask) of the weights to keep: |weight| > threshold, compared exactly in every dtype.
/// NaN is kept, and a NaN threshold keeps all, so that divergence is seen. One pass: 1 bit written per weight.
///
/// weight      float32, float64, float16 or bfloat16, any shape and strides
/// threshold   one float32 on weight's device (see magnitude_threshold); never read by the host where it is on CUDA
at::Tensor magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold);

}  // namespace compress
