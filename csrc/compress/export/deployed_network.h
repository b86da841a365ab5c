#pragma once

#include <torch/nn.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compress/core/named_tensors.h"
#include "compress/export/packed_layer.h"
#include "compress/nn/compressible.h"

namespace compress {

/// A compressed layer of a network in the form in which it is deployed.
struct DeployedLayer {
  std::string name;
  std::string type;
  PackedLayer packed;
};

/// A network as it is deployed: compressed layers with mask, quantizers and batch norm baked in, and the rest.
struct DeployedNetwork {
  std::vector<DeployedLayer> layers;  ///< every layer with a slot filled
  NamedTensors plain;                 ///< the state dict without what those layers and their folded batch norms hold
};

/// A quantizer that is not enabled (yet) is not applied, as in the network's own forward. Raises Error, naming the
/// layer, for weights that are not finite float32 numbers where they are quantized.
DeployedNetwork deploy(torch::nn::Module& network);

/// "layer.weight" of ("layer", "weight"); the network itself has the empty name.
std::string dotted(const std::string& layer, const std::string& tensor);

/// State-dict names that a packed layer stands for: its weight, bias, slots and, where folded, its batch norm's.
std::set<std::string> names_of_packed(torch::nn::Module& network, const nn::NamedLayer& layer, bool batch_norm_folded);

/// The dotted name of the batch norm that a convolution's forward includes; none where there is none.
std::optional<std::string> batch_norm_name(const torch::nn::Module& network, const nn::Compressible& layer);

}  // namespace compress
