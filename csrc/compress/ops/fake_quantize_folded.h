#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace compress {

/// fake_quantize(x * fold_factor, scale, ...) / fold_factor, without a pass over x for either: a weight quantized as it
/// will be deployed, with its batch norm folded in, for a forward that normalises by itself (Jacob et al. 2018, section
/// 3.2). The factor goes into the scale, so the integers are those of the folded weight but for ties in the last bit of
/// x * fold_factor / scale, formed in float32 (not rounded to x's 16 bits), and a step is worth scale / fold_factor:
///   x 0.30, fold_factor 2, scale 0.25: round(0.60 / 0.25) = round(0.30 / 0.125) = 2, and 2 * 0.25 / 2 = 2 * 0.125
/// A negative factor makes a negative scale, which fake_quantize takes. Differentiates in x, scale and zero_point; the
/// factor is a constant.
///
/// fold_factor   of any float type, not 0 (batch_norm_fold_factor with nonzero); of x's rank, each size 1 or x's
/// The others are fake_quantize's.
at::Tensor fake_quantize_folded(const at::Tensor& x, const at::Tensor& scale,
                                const std::optional<at::Tensor>& zero_point, const at::Tensor& fold_factor,
                                int64_t quant_min, int64_t quant_max,
                                const std::optional<at::Tensor>& mask = std::nullopt, double grad_factor = 1.0);

}  // namespace compress
