#include "compress/train/divergence.h"

#include <cmath>
#include <vector>

#include "compress/core/error.h"
#include "compress/nn/compressible.h"

namespace compress::train {
namespace {

bool all_finite(const at::Tensor& tensor) {
  return at::isfinite(tensor).all().item<bool>();
}

const char* kind_of(const at::Tensor& tensor) {
  return tensor.isnan().any().item<bool>() ? "NaN" : "Inf";
}

std::string describe_buffers(torch::nn::Module& network) {
  for (const auto& item : network.named_buffers()) {
    // Inf alone is no sign: an observer that has seen nothing holds the empty range +inf to -inf.
    if (item.value().is_floating_point() && item.value().isnan().any().item<bool>()) {
      return "buffer '" + item.key() + "' holds NaN";
    }
  }
  return "every layer's output is finite, the loss itself is not";
}

std::string describe_outputs(torch::nn::Module& network, const std::function<at::Tensor(const at::Tensor&)>& forward,
                             const at::Tensor& input) {
  const std::vector<nn::NamedLayer> layers = nn::compressible_layers(network);
  std::vector<std::shared_ptr<distill::Tap>> before, taps;
  for (const auto& [name, layer] : layers) {
    before.push_back(layer->tap());
    layer->detach_tap();
    taps.push_back(std::make_shared<distill::Tap>(name));
    layer->attach_tap(taps.back());
  }
  forward(input);
  std::string description = describe_buffers(network);
  for (size_t i = layers.size(); i-- > 0;) {  // backwards, so that the first bad layer has the last word
    if (taps[i]->has_output() && !all_finite(taps[i]->output())) {
      description = concat("the output of layer '", layers[i].name, "' holds ", kind_of(taps[i]->output()));
    }
    layers[i].layer->detach_tap();
    if (before[i]) {
      layers[i].layer->attach_tap(before[i]);
    }
  }
  return description;
}

}  // namespace

DivergenceWatch::DivergenceWatch(const at::Device& device)
    : first_bad_step_(at::full({}, -1, at::TensorOptions(at::kLong).device(device))) {}

void DivergenceWatch::add(int64_t step, const at::Tensor& loss) {
  const at::NoGradGuard no_grad;
  if (loss.device().is_cpu()) {
    if (!std::isfinite(loss.item<double>()) && first_bad_step_.item<int64_t>() < 0) {
      first_bad_step_.fill_(step);
    }
    return;
  }
  const at::Tensor bad = at::isfinite(loss.detach()).logical_not().logical_and(first_bad_step_ < 0);
  first_bad_step_.masked_fill_(bad, step);
}

int64_t DivergenceWatch::first_bad_step() const {
  return first_bad_step_.item<int64_t>();
}

std::string describe_divergence(torch::nn::Module& network, const std::function<at::Tensor(const at::Tensor&)>& forward,
                                const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  for (const auto& item : network.named_parameters()) {
    if (!all_finite(item.value())) {
      return "parameter '" + item.key() + "' holds " + kind_of(item.value());
    }
  }
  return describe_outputs(network, forward, input);
}

}  // namespace compress::train
