#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// Rounds x to an integer grid and back: (clamp(round(x / scale) + zero_point, quant_min, quant_max) - zero_point)
/// * scale, rounding half to even. Equal bit for bit to torch.fake_quantize_per_{tensor,channel}_affine for finite x;
/// larger values saturate and NaN stays NaN.
///
/// x           float32, float64, float16 or bfloat16, any shape and strides
/// scale       float32, positive; a scalar (per tensor), or of x's rank with each size dividing x's
///             ([C,1,1,1] per channel, [N,K/g] per group, [T,1] per token)
/// zero_point  int32 or int64 of scale's shape; none = 0
///
/// Forward only on CPU so far: raises where a gradient would be needed.
/// Raises c10::Error for wrong shapes, types or an empty range.
at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                         int64_t quant_min, int64_t quant_max);

}  // namespace compress
