#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>

namespace compress {

/// Rounds x to an integer grid and back: (clamp(round(x / scale) + zero_point, quant_min, quant_max) - zero_point)
/// * scale, rounding half to even. Equal bit for bit to torch.fake_quantize_per_{tensor,channel}_affine for finite x
/// with |x / scale| < 2^31; larger values saturate and NaN stays NaN.
///
/// x            float32, float64, float16 or bfloat16, any shape and strides; the result has its memory format
/// scale        float32, positive; a scalar (per tensor), or of x's rank with each size dividing x's
///              ([C,1,1,1] per channel, [N,K/g] per group, [T,1] per token)
/// zero_point   of scale's shape; int32 or int64, or float32 where it is learned (rounded half to even, forward and
///              backward); clamped to quant_min..quant_max; none = 0, which must then lie between them
/// quant_min, quant_max   within -2^21..2^21, so that float32 holds every step
/// mask         packed (see pack_mask), of x's shape; a cleared element counts as zero. The fused weight path.
/// grad_factor  multiplies the gradients of scale and zero_point (LSQ's g, Esser et al. 2020, section 2.2)
///
/// Gradients: x straight-through inside the grid and zero outside or where masked; scale and a float zero_point as
/// torch._fake_quantize_learnable_per_{tensor,channel}_affine, whose per-tensor backward rounds zero_point half up
/// where ours rounds as forward does. Where scale or zero_point is learned the inputs are saved, and the gradient is
/// not differentiable; where only x is, one bit per element (see fake_quantize_clip_mask.h). Raises c10::Error for
/// wrong shapes, types or an empty range; scale's values are not looked at.
at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                         int64_t quant_min, int64_t quant_max, const std::optional<at::Tensor>& mask = std::nullopt,
                         double grad_factor = 1.0);

/// The gradients of fake_quantize in one pass over x and grad: dx (x's dtype), dscale and dzero_point (float32, scale's
/// shape). What output_mask leaves out comes back undefined. Sums run in a fixed order: the same on any thread count.
std::tuple<at::Tensor, at::Tensor, at::Tensor> fake_quantize_backward(
    const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
    int64_t quant_min, int64_t quant_max, const std::optional<at::Tensor>& mask, double grad_factor,
    std::array<bool, 3> output_mask);

}  // namespace compress
