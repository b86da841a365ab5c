#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// Rounds x to a small float format and back: cast(x / scale) * scale. The cast rounds half to even, keeps the format's
/// subnormals, the sign of zero and NaN, and saturates at the format's largest finite value, infinity included, as
/// quantization-aware training wants it and the OCP Microscaling Formats Specification 1.0 asks for (section 6.3).
/// Within the range equal bit for bit to torch's casts: (x / scale).to(torch.float8_e4m3fn).to(x.dtype) * scale.
/// Beyond it casts of torch 2.11 do not saturate: to float8_e4m3fn they give NaN from 464 on (the tie, 464 itself,
/// rounds to 448), to float8_e5m2 infinity from 61440 on.
///
/// x       float32, float64, float16 or bfloat16, any shape and strides; the result has its memory format. Arithmetic
///         in float32; float64 divides and multiplies in double.
/// scale   float32, positive; a scalar (per tensor), or of x's rank with each size dividing x's: [N, K / 32] for MX
///         blocks, [N, K / 16] for NVFP4's, [C,1,1,1] per channel. See choose_float_scale.
/// exponent_bits, mantissa_bits   4, 3 (FP8 E4M3, max 448); 5, 2 (FP8 E5M2, max 57344); 3, 2 (FP6 E3M2, max 28);
///         2, 3 (FP6 E2M3, max 7.5); 2, 1 (FP4 E2M1, max 6)
/// mask    packed (see pack_mask), of x's shape; a cleared element counts as zero
///
/// Gradient: x straight-through, zero where saturated, NaN or masked; x is saved, nothing else. scale is a constant:
/// one that requires a gradient is an error. Not differentiable twice. Raises c10::Error for wrong shapes, types or
/// formats; scale's values are not looked at.
at::Tensor fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                               int64_t mantissa_bits, const std::optional<at::Tensor>& mask = std::nullopt);

/// The gradient of x, in one pass over x and grad.
at::Tensor fake_quantize_float_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                        int64_t exponent_bits, int64_t mantissa_bits,
                                        const std::optional<at::Tensor>& mask);

}  // namespace compress
