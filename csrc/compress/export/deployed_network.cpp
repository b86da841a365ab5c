#include "compress/export/deployed_network.h"

#include "compress/core/error.h"
#include "compress/models/weights.h"
#include "compress/nn/conv2d.h"

namespace compress {
namespace {

bool is_compressed(const nn::Compressible& layer) {
  return layer.weight_mask.defined() || !layer.weight_quantizer.is_empty() || !layer.input_quantizer.is_empty();
}

bool is_enabled(const nn::Quantizer& quantizer) {
  return !quantizer.is_empty() && quantizer->enabled;
}

/// The quantizer's grid, with zero points as fake_quantize uses them: rounded half to even and within the grid.
PackedGrid grid_of(const QuantizerTensors& quantizer) {
  const quant::QuantizerOptions& options = quantizer.options;
  PackedGrid grid{options.format, options.symmetric, quantizer.scale.detach().to(at::kCPU, at::kFloat), {}};
  if (!options.symmetric) {
    grid.zero_point = quantizer.zero_point.detach()
                          .to(at::kCPU, at::kFloat)
                          .round()
                          .clamp(options.quant_min(), options.quant_max())
                          .to(at::kInt);
  }
  return grid;
}

at::Tensor as_float32(const at::Tensor& tensor, const char* name) {
  const at::ScalarType type = tensor.scalar_type();
  check(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "its ", name, " is ", type,
        "; only Float, Half and BFloat16 can be packed");
  return tensor.detach().to(at::kFloat);
}

std::optional<QuantizerTensors> tensors_of(const nn::Quantizer& quantizer) {
  if (!is_enabled(quantizer)) {
    return std::nullopt;
  }
  const quant::QuantizerState& state = quantizer->state();
  return QuantizerTensors{quantizer->options(), state.scale, state.zero_point};
}

LayerTensors tensors_of(const nn::Compressible& layer) {
  return {layer.deployed_weight(), layer.deployed_bias(), layer.folds_batch_norm(), tensors_of(layer.weight_quantizer),
          tensors_of(layer.input_quantizer)};
}

/// "compress::nn::BatchNorm2dImpl" -> "BatchNorm2d".
std::string short_type(const std::string& type) {
  const size_t colon = type.rfind(':');
  std::string name = colon == std::string::npos ? type : type.substr(colon + 1);
  if (name.ends_with("Impl")) {
    name.resize(name.size() - 4);
  }
  return name;
}

void add_tensors(std::set<std::string>& names, const std::string& prefix, const torch::nn::Module& module) {
  for (const auto& [name, tensor] : models::state_dict(module)) {
    names.insert(dotted(prefix, name));
  }
}

}  // namespace

std::string dotted(const std::string& layer, const std::string& tensor) {
  return layer.empty() ? tensor : layer + "." + tensor;
}

std::set<std::string> names_of_packed(torch::nn::Module& network, const nn::NamedLayer& layer, bool batch_norm_folded) {
  std::set<std::string> names;
  for (const char* name : {"weight", "bias", "weight_mask"}) {
    names.insert(dotted(layer.name, name));
  }
  if (!layer.layer->weight_quantizer.is_empty()) {
    add_tensors(names, dotted(layer.name, "weight_quantizer"), *layer.layer->weight_quantizer);
  }
  if (!layer.layer->input_quantizer.is_empty()) {
    add_tensors(names, dotted(layer.name, "input_quantizer"), *layer.layer->input_quantizer);
  }
  if (const auto batch_norm = batch_norm_name(network, *layer.layer); batch_norm && batch_norm_folded) {
    add_tensors(names, *batch_norm, *network.named_modules()[*batch_norm]);
  }
  return names;
}

std::optional<std::string> batch_norm_name(const torch::nn::Module& network, const nn::Compressible& layer) {
  const auto* convolution = dynamic_cast<const nn::Conv2dImpl*>(&layer);
  if (convolution == nullptr || !convolution->has_batch_norm()) {
    return std::nullopt;
  }
  const torch::nn::Module* batch_norm = convolution->batch_norm().get();
  for (const auto& item : network.named_modules()) {
    if (item.value().get() == batch_norm) {
      return item.key();
    }
  }
  return std::nullopt;
}

PackedLayer pack_layer(const LayerTensors& layer) {
  const at::NoGradGuard no_grad;
  PackedLayer packed;
  const at::Tensor weight = as_float32(layer.weight, "weight");
  packed.batch_norm_folded = layer.batch_norm_folded;
  if (layer.bias.defined()) {
    packed.bias = as_float32(layer.bias, "bias").to(at::kCPU);
  }
  if (layer.input_quantizer) {
    packed.input_grid = grid_of(*layer.input_quantizer);
  }
  if (!layer.weight_quantizer) {
    packed.elements = weight.to(at::kCPU);
    return packed;
  }
  check(weight.isfinite().all().item<bool>(), "its weight holds NaN or Inf, which no integer stands for");
  packed.weight_grid = grid_of(*layer.weight_quantizer);
  // On the weight's own device: the integers that the network computes with there.
  quant::QuantizerState state{packed.weight_grid->scale.to(weight.device()), {}, {}, {}};
  if (packed.weight_grid->zero_point.defined()) {
    state.zero_point = packed.weight_grid->zero_point.to(weight.device());
  }
  quant::QuantizerOptions options = layer.weight_quantizer->options;
  options.scale = quant::ScaleSource::observed;  // no gradient here, so no gradient factor
  packed.elements = quant::quantize(state, options, weight).to(at::kCPU);
  return packed;
}

DeployedNetwork deploy(torch::nn::Module& network) {
  const at::NoGradGuard no_grad;
  DeployedNetwork deployed;
  std::set<std::string> replaced;
  for (const nn::NamedLayer& layer : nn::compressible_layers(network)) {
    if (!is_compressed(*layer.layer)) {
      continue;
    }
    try {
      deployed.layers.push_back(
          {layer.name, std::string(layer.layer->layer_type()), pack_layer(tensors_of(*layer.layer))});
    } catch (const Error& error) {
      fail("layer '", layer.name, "' cannot be packed: ", error.what());
    }
    replaced.merge(names_of_packed(network, layer, layer.layer->folds_batch_norm()));
  }
  for (const auto& [name, tensor] : models::state_dict(network)) {
    if (!replaced.contains(name)) {
      deployed.plain.emplace_back(name, tensor);
    }
  }
  for (const auto& item : network.named_parameters()) {
    deployed.parameters.insert(item.key());
  }
  for (const auto& item : network.named_modules()) {
    deployed.modules.emplace_back(item.key(), short_type(item.value()->name()));
  }
  return deployed;
}

}  // namespace compress
