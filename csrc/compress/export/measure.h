#pragma once

#include <torch/nn.h>

#include <functional>
#include <optional>

namespace compress {

/// Parameters of a network as it is deployed: pruned elements are zeros, a folded batch norm is gone, quantizers and
/// masks are not parameters. Equals the sum of numel() for a network without compression.
struct ParameterCount {
  int64_t parameters = 0;
  int64_t nonzero = 0;
};

ParameterCount count_parameters(torch::nn::Module& network);

/// Wall-clock time of one forward pass.
struct Latency {
  double median_ms = 0;
  double spread_ms = 0;  ///< between the quartiles: what repeating the run changes by itself
};

/// Runs `forward` for about 0.3 s (at least 5 times) after a warm-up. It returns once its result is there: on a GPU it
/// synchronises.
Latency measure_latency(const std::function<void()>& forward);

/// What was measured of one network; empty = not measured.
struct Measured {
  std::optional<double> accuracy;  ///< fraction of the test set, 0 to 1
  std::optional<double> loss;      ///< mean over the test set
  ParameterCount count;
  std::optional<int64_t> bytes_on_disk;  ///< of its file, header and all
  std::optional<Latency> latency;
};

}  // namespace compress
