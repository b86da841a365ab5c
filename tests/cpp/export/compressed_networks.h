#pragma once

#include <torch/nn.h>

#include "compress/models/network.h"
#include "compress/nn/compressible.h"
#include "compress/ops/pack_mask.h"

namespace compress::test {

/// Fills every mask slot with a random mask that keeps `density` of the weights.
inline void prune_randomly(torch::nn::Module& network, double density) {
  const at::NoGradGuard no_grad;
  for (const nn::NamedLayer& layer : nn::compressible_layers(network)) {
    layer.layer->add_weight_mask();
    const at::Tensor keep = at::rand_like(layer.layer->weight_parameter()) < density;
    layer.layer->weight_mask.copy_(pack_mask(keep));
  }
}

inline void quantize(torch::nn::Module& network, const quant::QuantizerOptions& weight,
                     const std::optional<quant::QuantizerOptions>& input) {
  for (const nn::NamedLayer& layer : nn::compressible_layers(network)) {
    layer.layer->add_weight_quantizer(weight);
    layer.layer->weight_quantizer->enabled = true;
    if (input && !layer.layer->input_channel_sizes().empty()) {
      layer.layer->add_input_quantizer(*input);
      layer.layer->input_quantizer->enabled = true;
    }
  }
}

/// Moves observers, learned scales and batch norms to where training would have them, then stops.
inline void observe(models::Network& network, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  network.train();
  for (int step = 0; step < 3; ++step) {
    network.forward(images * (step + 1) + 0.1 * step);
  }
  network.eval();
}

}  // namespace compress::test
