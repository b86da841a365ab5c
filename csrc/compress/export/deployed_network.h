#pragma once

#include <torch/nn.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
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

/// A network as it is deployed: compressed layers with mask, quantizers and batch norm baked in, and the rest. What is
/// counted, listed or written of a network is taken from here, whichever library's modules it is made of.
struct DeployedNetwork {
  std::vector<DeployedLayer> layers;  ///< every layer with a slot filled
  NamedTensors plain;                 ///< the state dict without what those layers and their folded batch norms hold
  std::set<std::string> parameters;   ///< which of `plain` are parameters, not buffers
  std::vector<std::pair<std::string, std::string>> modules;  ///< name and type of each, in the network's order
};

/// What a quantizer that is applied holds.
struct QuantizerTensors {
  const quant::QuantizerOptions& options;
  at::Tensor scale;
  at::Tensor zero_point;  ///< undefined where symmetric
};

/// A layer as its library's module describes it.
struct LayerTensors {
  at::Tensor weight;  ///< pruned, and with the batch norm folded in where it is; rounded to its grid or not
  at::Tensor bias;    ///< one per row of the weight; undefined where there is none
  bool batch_norm_folded = false;
  std::optional<QuantizerTensors> weight_quantizer;
  std::optional<QuantizerTensors> input_quantizer;
};

/// Rounds the weight to its grid, on its own device. float16 and bfloat16 become float32. Raises Error for weights that
/// are not finite where they are quantized, and for float64.
PackedLayer pack_layer(const LayerTensors& layer);

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
