#pragma once

#include <torch/nn.h>

#include <optional>
#include <string>
#include <vector>

#include "compress/core/safetensors.h"
#include "compress/export/deployed_network.h"

namespace compress {

/// One layer as it is deployed: its weight, bias and what else it keeps.
struct LayerSummary {
  std::string name;
  std::string type;            ///< "Conv2d", ...; empty where a file does not say
  std::vector<int64_t> shape;  ///< of the weight; empty where the layer has none
  double sparsity = 0;         ///< zeros in the weight, fraction
  int weight_bits = 32;
  std::optional<int> input_bits;  ///< where the layer quantizes its input
  std::string coding;             ///< how a packed file holds the weight: "dense", "bitmap", "gaps"; else empty
  int64_t parameters = 0;         ///< weight and bias (of a file: every tensor of the layer)
  int64_t weights = 0;            ///< elements of the weight
  int64_t zero_weights = 0;
  int64_t bytes = 0;  ///< in a file, without its header
};

/// The layers of a network in its order, as save_packed would write them now.
std::vector<LayerSummary> summarize(torch::nn::Module& network);
std::vector<LayerSummary> summarize(DeployedNetwork network);

/// The layers of a packed or ordinary .safetensors file, in its order. `source` names the file in errors.
std::vector<LayerSummary> summarize(const SafetensorsFile& file, const std::string& source);

/// Aligned text with a heading and a line of totals.
std::string summary_table(const std::vector<LayerSummary>& layers);
/// The same as a Markdown table.
std::string summary_markdown(const std::vector<LayerSummary>& layers);

}  // namespace compress
