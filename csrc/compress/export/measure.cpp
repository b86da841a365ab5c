#include "compress/export/measure.h"

#include <algorithm>
#include <chrono>

#include "compress/export/deployed_network.h"

namespace compress {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double warm_up_ms = 50;
constexpr double measured_ms = 250;
constexpr size_t fewest_runs = 5;
constexpr size_t most_runs = 1000;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double time_once(const std::function<void()>& forward) {
  const Clock::time_point start = Clock::now();
  forward();
  return milliseconds_since(start);
}

double quantile(const std::vector<double>& sorted, double fraction) {
  return sorted[static_cast<size_t>(fraction * static_cast<double>(sorted.size() - 1) + 0.5)];
}

void add(ParameterCount& count, const at::Tensor& tensor) {
  count.parameters += tensor.numel();
  count.nonzero += at::count_nonzero(tensor).item<int64_t>();
}

}  // namespace

ParameterCount count_parameters(torch::nn::Module& network) {
  const at::NoGradGuard no_grad;
  const DeployedNetwork deployed = deploy(network);
  ParameterCount count;
  for (const DeployedLayer& layer : deployed.layers) {
    add(count, weight_of(layer.packed));
    if (layer.packed.bias.defined()) {
      add(count, layer.packed.bias);
    }
  }
  std::set<std::string> parameters;
  for (const auto& item : network.named_parameters()) {
    parameters.insert(item.key());
  }
  for (const auto& [name, tensor] : deployed.plain) {
    if (parameters.contains(name)) {
      add(count, tensor);
    }
  }
  return count;
}

Latency measure_latency(const std::function<void()>& forward) {
  Clock::time_point start = Clock::now();
  do {
    forward();
  } while (milliseconds_since(start) < warm_up_ms);
  std::vector<double> runs;
  start = Clock::now();
  while (runs.size() < fewest_runs || (runs.size() < most_runs && milliseconds_since(start) < measured_ms)) {
    runs.push_back(time_once(forward));
  }
  std::sort(runs.begin(), runs.end());
  return {quantile(runs, 0.5), quantile(runs, 0.75) - quantile(runs, 0.25)};
}

}  // namespace compress
