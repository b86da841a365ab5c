#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// LSQ's gradient factor 1 / sqrt(elements per scale * quant_max) (Esser et al. 2020, section 2.2), which keeps a
/// scale's relative update at the size of the weights'. 10,000 weights on int8: 1 / sqrt(10,000 * 127) = 0.00089.
double lsq_gradient_factor(int64_t elements, int64_t scales, int64_t quant_max);

/// fake_quantize with a learned scale (and zero_point): its grad_factor is LSQ's for this x.
///
/// fold_factor   as of fake_quantize_folded, which then quantizes x; none = 1
at::Tensor fake_quantize_learnable(const at::Tensor& x, const at::Tensor& scale,
                                   const std::optional<at::Tensor>& zero_point, int64_t quant_min, int64_t quant_max,
                                   const std::optional<at::Tensor>& mask = std::nullopt,
                                   const std::optional<at::Tensor>& fold_factor = std::nullopt);

}  // namespace compress
