#pragma once

#include <torch/nn.h>

#include <memory>

#include "compress/models/options.h"

namespace compress::models {

/// A reference network: images [N, C, H, W] in, logits [N, classes] out.
class Network : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  virtual at::Tensor forward(const at::Tensor& images) = 0;
};

/// Builds the network with fresh parameters from torch's global generator (torch::manual_seed).
/// Raises UsageError for options that give no network (an odd convnet width, an unknown ResNet depth).
std::shared_ptr<Network> make_network(const ModelOptions& options, const InputShape& shape);

/// "convnet", "mlp", "resnet": the options' word in configs.
const char* type_name(const ModelOptions& options);

}  // namespace compress::models
