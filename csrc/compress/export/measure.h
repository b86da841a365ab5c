#pragma once

#include <torch/nn.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compress/export/deployed_network.h"

namespace compress {

/// Parameters of a network as it is deployed: pruned elements are zeros, a folded batch norm is gone, quantizers and
/// masks are not parameters. Equals the sum of numel() for a network without compression.
struct ParameterCount {
  int64_t parameters = 0;
  int64_t nonzero = 0;
};

ParameterCount count_parameters(const DeployedNetwork& network);
ParameterCount count_parameters(torch::nn::Module& network);

/// Fraction of zeros among the weights of the compressed layers; 0 where there are none.
double compressed_sparsity(const DeployedNetwork& network);

/// Wall-clock time of one forward pass.
struct Latency {
  double median_ms = 0;
  double spread_ms = 0;  ///< between the quartiles: what repeating the run changes by itself
};

/// Runs `forward` for about 0.3 s (at least 5 times) after a warm-up. It returns once its result is there: on a GPU it
/// synchronises.
Latency measure_latency(const std::function<void()>& forward);

/// The same for several, in turns: what slows the machine down for a while falls on all of them. About 0.3 s each.
std::vector<Latency> measure_latencies(const std::vector<std::function<void()>>& forwards);

/// What a latency was measured on, in words: "cpu, 2 threads".
std::string device_text(const at::Device& device);

/// What was measured of one network; empty = not measured.
struct Measured {
  std::optional<double> accuracy;  ///< fraction of the test set, 0 to 1
  std::optional<double> loss;      ///< mean over the test set
  ParameterCount count;
  std::optional<int64_t> bytes_on_disk;  ///< of its file, header and all
  /// Of an ordinary file of its state dict, where `bytes_on_disk` is of a packed one and both are known.
  std::optional<int64_t> state_dict_bytes;
  std::optional<Latency> latency;
};

}  // namespace compress
