#include "compress/nn/compressible.h"

#include "compress/core/error.h"
#include "compress/ops/apply_mask.h"
#include "compress/ops/pack_mask.h"

namespace compress::nn {

at::Tensor Compressible::deployed_weight() const {
  const at::NoGradGuard no_grad;
  const at::Tensor weight = weight_parameter().detach();
  return weight_mask.defined() ? apply_mask(weight, weight_mask) : weight;
}

void Compressible::add_weight_mask() {
  check<UsageError>(!weight_mask.defined(), "this ", layer_type(), " layer has a weight_mask already");
  const at::Tensor& weight = weight_parameter();
  weight_mask = module().register_buffer(
      "weight_mask", pack_mask(at::ones(weight.sizes(), weight.options().dtype(at::kBool).requires_grad(false))));
}

void Compressible::add_weight_quantizer(const quant::QuantizerOptions& options) {
  check<UsageError>(weight_quantizer.is_empty(), "this ", layer_type(), " layer has a weight_quantizer already");
  const at::Tensor& weight = weight_parameter();
  weight_quantizer =
      Quantizer(options, quant::Role::weight, quant::scale_sizes(options, quant::Role::weight, weight.sizes()));
  weight_quantizer->to(weight.device());
  module().register_module("weight_quantizer", weight_quantizer);
}

void Compressible::add_input_quantizer(const quant::QuantizerOptions& options) {
  check<UsageError>(input_quantizer.is_empty(), "this ", layer_type(), " layer has an input_quantizer already");
  const std::vector<int64_t> channels = input_channel_sizes();
  check<UsageError>(!channels.empty(), "the input of a ", layer_type(), " layer cannot be quantized");
  input_quantizer =
      Quantizer(options, quant::Role::activation, quant::scale_sizes(options, quant::Role::activation, channels));
  input_quantizer->to(weight_parameter().device());
  module().register_module("input_quantizer", input_quantizer);
}

std::optional<at::Tensor> Compressible::optional_mask() const {
  return weight_mask.defined() ? std::optional<at::Tensor>(weight_mask) : std::nullopt;
}

at::Tensor Compressible::compressed_weight(const at::Tensor& weight, const std::optional<at::Tensor>& fold_factor) {
  if (!weight_quantizer.is_empty()) {
    return weight_quantizer->forward(weight, optional_mask(), fold_factor);
  }
  return weight_mask.defined() ? apply_mask(weight, weight_mask) : weight;
}

at::Tensor Compressible::compressed_input(const at::Tensor& input) {
  return input_quantizer.is_empty() ? input : input_quantizer->forward(input);
}

std::vector<NamedLayer> compressible_layers(torch::nn::Module& network) {
  std::vector<NamedLayer> layers;
  for (const auto& item : network.named_modules()) {
    if (auto* layer = dynamic_cast<Compressible*>(item.value().get())) {
      layers.push_back({item.key(), layer});
    }
  }
  return layers;
}

}  // namespace compress::nn
