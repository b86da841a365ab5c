#pragma once

#include <torch/nn.h>

#include <optional>

#include "compress/quant/quantizer_state.h"

namespace compress::nn {

/// Fake quantization of one tensor of a layer: the shell that gives quant::QuantizerState its names in a checkpoint.
///
/// Parameters: `scale` (and `zero_point` where asymmetric) if the scale is learned. Buffers: otherwise `scale`,
/// `zero_point`, `min`, `max`. See quant::QuantizerOptions for what they are.
class QuantizerImpl : public torch::nn::Module {
 public:
  QuantizerImpl(quant::QuantizerOptions options, quant::Role role, at::IntArrayRef scale_sizes);

  /// x on the grid; x itself (masked where a packed mask is given) while not enabled. In training mode the observer
  /// looks at x first, or a learned scale takes its first value from it. With a fold_factor (see quant::apply) all that
  /// concerns x * fold_factor.
  at::Tensor forward(const at::Tensor& x, const std::optional<at::Tensor>& mask = std::nullopt,
                     const std::optional<at::Tensor>& fold_factor = std::nullopt);

  const quant::QuantizerOptions& options() const { return options_; }
  quant::Role role() const { return role_; }
  const quant::QuantizerState& state() const { return state_; }
  bool learned() const { return options_.scale == quant::ScaleSource::learned; }

  bool enabled = false;      ///< quantizes
  bool observing = true;     ///< the range still moves
  bool initialized = false;  ///< a learned scale has its first value

  void pretty_print(std::ostream& stream) const override;

 private:
  quant::QuantizerOptions options_;
  quant::Role role_;
  quant::QuantizerState state_;
};
TORCH_MODULE(Quantizer);

}  // namespace compress::nn
