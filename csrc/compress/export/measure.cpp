#include "compress/export/measure.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>

#include "compress/core/error.h"

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

ParameterCount count_parameters(const DeployedNetwork& network) {
  const at::NoGradGuard no_grad;
  ParameterCount count;
  for (const DeployedLayer& layer : network.layers) {
    add(count, weight_of(layer.packed));
    if (layer.packed.bias.defined()) {
      add(count, layer.packed.bias);
    }
  }
  for (const auto& [name, tensor] : network.plain) {
    if (network.parameters.contains(name)) {
      add(count, tensor);
    }
  }
  return count;
}

ParameterCount count_parameters(torch::nn::Module& network) {
  return count_parameters(deploy(network));
}

double compressed_sparsity(const DeployedNetwork& network) {
  ParameterCount weights;
  for (const DeployedLayer& layer : network.layers) {
    add(weights, weight_of(layer.packed));
  }
  return weights.parameters == 0 ? 0.0
                                 : 1.0 - static_cast<double>(weights.nonzero) / static_cast<double>(weights.parameters);
}

Latency measure_latency(const std::function<void()>& forward) {
  return measure_latencies({forward}).front();
}

std::vector<Latency> measure_latencies(const std::vector<std::function<void()>>& forwards) {
  for (const auto& forward : forwards) {
    const Clock::time_point start = Clock::now();
    do {
      forward();
    } while (milliseconds_since(start) < warm_up_ms);
  }
  std::vector<std::vector<double>> runs(forwards.size());
  const double budget_ms = measured_ms * static_cast<double>(forwards.size());
  const Clock::time_point start = Clock::now();
  for (size_t round = 0; round < fewest_runs || (round < most_runs && milliseconds_since(start) < budget_ms); ++round) {
    for (size_t turn = 0; turn < forwards.size(); ++turn) {
      // Another one begins each round, so that none always runs in another's wake.
      const size_t index = (round + turn) % forwards.size();
      runs[index].push_back(time_once(forwards[index]));
    }
  }
  std::vector<Latency> latencies;
  for (std::vector<double>& times : runs) {
    std::sort(times.begin(), times.end());
    latencies.push_back({quantile(times, 0.5), quantile(times, 0.75) - quantile(times, 0.25)});
  }
  return latencies;
}

std::string device_text(const at::Device& device) {
  const int threads = at::get_num_threads();
  return device.is_cpu() ? concat("cpu, ", threads, threads == 1 ? " thread" : " threads") : device.str();
}

}  // namespace compress
