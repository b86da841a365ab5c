#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// What folding a batch norm multiplies the weight of the layer before it with, one factor per channel, [C]:
/// weight / sqrt(running_var + eps) (Jacob et al. 2018, eq. 11).
///
/// weight    the batch norm's own, [C]; none = 1
/// nonzero   1 stands in for a factor of 0 (zero-initialised residual branches) or within 2^-100 of it, so that it can
///           be divided by
at::Tensor batch_norm_fold_factor(const std::optional<at::Tensor>& weight, const at::Tensor& running_var, double eps,
                                  bool nonzero = false);

/// The bias of the folded layer, [C]: bias + (layer_bias - running_mean) * factor.
///
/// layer_bias, bias   of the layer and of its batch norm, [C]; none = 0
/// factor             batch_norm_fold_factor
at::Tensor batch_norm_folded_bias(const std::optional<at::Tensor>& layer_bias, const std::optional<at::Tensor>& bias,
                                  const at::Tensor& running_mean, const at::Tensor& factor);

}  // namespace compress
