#include "compress/export/packed.h"

#include <algorithm>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"
#include "compress/models/weights.h"
#include "compress/nn/conv2d.h"

namespace compress {
namespace {

constexpr const char* format_key = "format";
constexpr const char* format_name = "compress_packed_v1";
constexpr const char* stream_name = "packed";

/// A stream beside the layer it goes into.
struct Target {
  nn::NamedLayer layer;
  PackedLayer packed;
  std::optional<std::string> folded_batch_norm;  // its name in the network
};

quant::QuantizerOptions input_options(const PackedGrid& grid) {
  quant::QuantizerOptions options;
  options.format = grid.format;
  options.symmetric = grid.symmetric;
  options.granularity = grid.scale.dim() == 0 ? quant::Granularity::tensor : quant::Granularity::channel;
  return options;
}

void check_input_grid_fits(const nn::Compressible& layer, const PackedGrid& grid) {
  const std::vector<int64_t> channels = layer.input_channel_sizes();
  check(!channels.empty(), "quantizes its input, which a ", layer.layer_type(), " layer cannot");
  const auto sizes = quant::scale_sizes(input_options(grid), quant::Role::activation, channels);
  check(grid.scale.sizes() == sizes, "the scale of its input grid has shape ", grid.scale.sizes(),
        ", the network's layer takes ", at::IntArrayRef(sizes));
}

void check_fits(const nn::NamedLayer& target, const PackedLayer& packed) {
  nn::Compressible& layer = *target.layer;
  check(!layer.weight_mask.defined() && layer.weight_quantizer.is_empty() && layer.input_quantizer.is_empty(),
        "the network's layer is compressed already; load into a fresh network");
  const at::Tensor weight = layer.weight_parameter();
  check(packed.elements.sizes() == weight.sizes(), "its weight has shape ", packed.elements.sizes(),
        ", the network's layer has ", weight.sizes(), "; the file belongs to a model of other options");
  if (packed.input_grid) {
    check_input_grid_fits(layer, *packed.input_grid);
  }
  if (packed.batch_norm_folded) {
    const auto* convolution = dynamic_cast<const nn::Conv2dImpl*>(&layer);
    check(convolution != nullptr && convolution->has_batch_norm(),
          "a batch norm is folded into it, the network's layer has none");
    check(packed.bias.defined(), "a batch norm is folded into it, but it holds no bias");
    return;
  }
  const bool has_bias = layer.deployed_bias().defined();
  check(packed.bias.defined() == has_bias,
        has_bias ? "it holds no bias, the network's layer has one" : "it holds a bias, the network's layer has none");
}

template <typename Call>
void with_layer_name(const std::string& source, const std::string& layer, Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    fail(source, ": layer '", layer, "': ", error.what());
  }
}

Target find_target(const std::string& source, const torch::nn::Module& network,
                   const std::vector<nn::NamedLayer>& layers, const std::string& name, const at::Tensor& stream) {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const nn::NamedLayer& layer) { return layer.name == name; });
  if (found == layers.end()) {
    std::vector<std::string> names;
    for (const nn::NamedLayer& layer : layers) {
      names.push_back(layer.name);
    }
    fail(source, ": holds layer '", name, "', which the model does not have", did_you_mean(name, names));
  }
  Target target{*found, decode_named_layer(source, name, stream), std::nullopt};
  with_layer_name(source, name, [&] { check_fits(target.layer, target.packed); });
  if (target.packed.batch_norm_folded) {
    target.folded_batch_norm = batch_norm_name(network, *target.layer.layer);
  }
  return target;
}

void attach_input_quantizer(nn::Compressible& layer, const PackedGrid& grid) {
  layer.add_input_quantizer(input_options(grid));
  nn::Quantizer& quantizer = layer.input_quantizer;
  const quant::QuantizerState& state = quantizer->state();
  state.scale.copy_(grid.scale);
  if (state.zero_point.defined()) {
    state.zero_point.copy_(grid.zero_point);
  }
  quantizer->enabled = true;
  quantizer->observing = false;
  quantizer->initialized = true;
  quantizer->train(layer.module().is_training());
}

void remove_module(torch::nn::Module& network, const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) {
    network.unregister_module(name);
    return;
  }
  network.named_modules()[name.substr(0, dot)]->unregister_module(name.substr(dot + 1));
}

void load_target(torch::nn::Module& network, const Target& target) {
  nn::Compressible& layer = *target.layer.layer;
  layer.load_deployed(weight_of(target.packed), target.packed.bias, target.packed.batch_norm_folded);
  if (target.folded_batch_norm) {
    remove_module(network, *target.folded_batch_norm);
  }
  if (target.packed.input_grid) {
    attach_input_quantizer(layer, *target.packed.input_grid);
  }
}

}  // namespace

std::optional<std::string> packed_layer_name(const std::string& tensor_name) {
  const std::string suffix = std::string(".") + stream_name;
  if (tensor_name == stream_name) {
    return "";
  }
  if (!tensor_name.ends_with(suffix)) {
    return std::nullopt;
  }
  return tensor_name.substr(0, tensor_name.size() - suffix.size());
}

bool is_packed(const SafetensorsFile& file) {
  const auto format = file.metadata.find(format_key);
  return format != file.metadata.end() && format->second == format_name;
}

PackedLayer decode_named_layer(const std::string& source, const std::string& layer, const at::Tensor& stream) {
  PackedLayer packed;
  with_layer_name(source, layer, [&] { packed = decode_layer(stream); });
  return packed;
}

void save_packed(const std::filesystem::path& path, torch::nn::Module& network,
                 const std::map<std::string, std::string>& metadata) {
  save_packed(path, deploy(network), metadata);
}

void save_packed(const std::filesystem::path& path, DeployedNetwork deployed,
                 const std::map<std::string, std::string>& metadata) {
  check(!deployed.layers.empty(), path.string(),
        ": no layer of the network is pruned or quantized; save its state dict");
  check<UsageError>(!metadata.contains(format_key), "the metadata of a packed file cannot hold the key '", format_key,
                    "'");
  std::map<std::string, std::string> header = metadata;
  header.emplace(format_key, format_name);
  NamedTensors tensors;
  for (DeployedLayer& layer : deployed.layers) {
    with_layer_name(path.string(), layer.name,
                    [&] { tensors.emplace_back(dotted(layer.name, stream_name), encode_layer(layer.packed)); });
  }
  for (const auto& [name, tensor] : deployed.plain) {
    check(!packed_layer_name(name), path.string(), ": tensor '", name, "' has the name of a layer's packed stream");
    tensors.emplace_back(name, tensor);
  }
  save_safetensors(path, tensors, header);
}

void load_packed(const std::filesystem::path& path, torch::nn::Module& network) {
  const SafetensorsFile file = load_safetensors(path);
  const std::string source = path.string();
  check(is_packed(file), source, ": is not a packed file (its header lacks format ", format_name,
        "); load it as a state dict");
  const std::vector<nn::NamedLayer> layers = nn::compressible_layers(network);
  std::vector<Target> targets;
  std::set<std::string> replaced;
  NamedTensors plain;
  for (const auto& [name, tensor] : file.tensors) {
    if (const auto layer = packed_layer_name(name)) {
      targets.push_back(find_target(source, network, layers, *layer, tensor));
      replaced.merge(names_of_packed(network, targets.back().layer, targets.back().packed.batch_norm_folded));
    } else {
      plain.emplace_back(name, tensor);
    }
  }
  for (const auto& [name, tensor] : plain) {
    check(!replaced.contains(name), source, ": holds '", name, "' beside the packed layer that includes it");
  }
  // What the streams stand for is its own source, so that the strict check sees a whole state dict.
  for (const auto& [name, tensor] : models::state_dict(network)) {
    if (replaced.contains(name)) {
      plain.emplace_back(name, tensor);
    }
  }
  models::load_state_dict(network, plain, source);
  const at::NoGradGuard no_grad;
  for (const Target& target : targets) {
    load_target(network, target);
  }
}

NamedTensors decode_packed(const SafetensorsFile& file, const std::string& source) {
  check(is_packed(file), source, ": is not a packed file (its header lacks format ", format_name, ")");
  NamedTensors tensors;
  for (const auto& [name, tensor] : file.tensors) {
    const auto layer = packed_layer_name(name);
    if (!layer) {
      tensors.emplace_back(name, tensor);
      continue;
    }
    const PackedLayer packed = decode_named_layer(source, *layer, tensor);
    tensors.emplace_back(dotted(*layer, "weight"), weight_of(packed));
    if (packed.bias.defined()) {
      tensors.emplace_back(dotted(*layer, "bias"), packed.bias);
    }
    if (packed.input_grid) {
      tensors.emplace_back(dotted(*layer, "input_quantizer.scale"), packed.input_grid->scale);
      if (packed.input_grid->zero_point.defined()) {
        tensors.emplace_back(dotted(*layer, "input_quantizer.zero_point"), packed.input_grid->zero_point);
      }
    }
  }
  return tensors;
}

}  // namespace compress
