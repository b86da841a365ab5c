#include "compress/export/inspect.h"

#include <algorithm>
#include <map>

#include "compress/export/packed.h"
#include "compress/export/text_format.h"

namespace compress {
namespace {

/// "block1.conv" of "block1.conv.weight".
std::pair<std::string, std::string> split_name(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::pair<std::string, std::string>{"", name}
                                  : std::pair{name.substr(0, dot), name.substr(dot + 1)};
}

void set_weight(LayerSummary& summary, const at::Tensor& weight) {
  summary.shape = weight.sizes().vec();
  summary.weights = weight.numel();
  summary.zero_weights = summary.weights - at::count_nonzero(weight).item<int64_t>();
  if (summary.weights > 0) {
    summary.sparsity = static_cast<double>(summary.zero_weights) / static_cast<double>(summary.weights);
  }
}

LayerSummary packed_summary(const std::string& name, const std::string& type, const PackedLayer& packed,
                            int64_t bytes) {
  LayerSummary summary;
  summary.name = name;
  summary.type = type;
  set_weight(summary, weight_of(packed));
  summary.parameters = summary.weights + (packed.bias.defined() ? packed.bias.numel() : 0);
  if (packed.weight_grid) {
    summary.weight_bits = packed.weight_grid->format.bits;
  }
  if (packed.input_grid) {
    summary.input_bits = packed.input_grid->format.bits;
  }
  summary.coding = coding_name(packed.coding);
  summary.bytes = bytes;
  return summary;
}

/// One row for each module that tensors belong to, in the order of their first tensors.
class Rows {
 public:
  void add_packed(LayerSummary summary) { row(summary.name) = std::move(summary); }
  void add_plain(const std::string& name, const at::Tensor& tensor, bool parameter) {
    const auto [layer, own_name] = split_name(name);
    LayerSummary& summary = row(layer);
    summary.bytes += static_cast<int64_t>(tensor.nbytes());
    summary.parameters += parameter ? tensor.numel() : 0;
    if (own_name == "weight") {
      set_weight(summary, tensor);
      summary.weight_bits = static_cast<int>(8 * tensor.element_size());
    }
  }
  std::vector<LayerSummary>& get() { return rows_; }

 private:
  LayerSummary& row(const std::string& layer) {
    const auto [place, fresh] = places_.emplace(layer, rows_.size());
    if (fresh) {
      rows_.emplace_back().name = layer;
    }
    return rows_[place->second];
  }

  std::map<std::string, size_t> places_;
  std::vector<LayerSummary> rows_;
};

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) {
    text += (text.empty() ? "" : "x") + std::to_string(size);
  }
  return text.empty() ? "-" : text;
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

TableRow table_row(const LayerSummary& layer) {
  return {or_dash(layer.name),
          or_dash(layer.type),
          shape_text(layer.shape),
          layer.weights > 0 ? percent(layer.sparsity, 1) : "-",
          layer.weights > 0 ? std::to_string(layer.weight_bits) : "-",
          layer.input_bits ? std::to_string(*layer.input_bits) : "-",
          or_dash(layer.coding),
          with_thousands(layer.parameters),
          with_thousands(layer.bytes)};
}

TableRow total_row(const std::vector<LayerSummary>& layers) {
  int64_t parameters = 0, weights = 0, zeros = 0, bytes = 0;
  for (const LayerSummary& layer : layers) {
    parameters += layer.parameters;
    weights += layer.weights;
    zeros += layer.zero_weights;
    bytes += layer.bytes;
  }
  const std::string sparsity =
      weights > 0 ? percent(static_cast<double>(zeros) / static_cast<double>(weights), 1) : "-";
  return {"total", "", "", sparsity, "", "", "", with_thousands(parameters), with_thousands(bytes)};
}

std::vector<TableRow> table_rows(const std::vector<LayerSummary>& layers) {
  std::vector<TableRow> rows{
      {"layer", "type", "weight", "sparsity", "bits", "input bits", "coding", "parameters", "bytes"}};
  for (const LayerSummary& layer : layers) {
    rows.push_back(table_row(layer));
  }
  rows.push_back(total_row(layers));
  return rows;
}

}  // namespace

std::vector<LayerSummary> summarize(torch::nn::Module& network) {
  return summarize(deploy(network));
}

std::vector<LayerSummary> summarize(DeployedNetwork network) {
  const at::NoGradGuard no_grad;
  Rows rows;
  for (DeployedLayer& layer : network.layers) {
    const int64_t bytes = encode_layer(layer.packed).numel();
    rows.add_packed(packed_summary(layer.name, layer.type, layer.packed, bytes));
  }
  for (const auto& [name, tensor] : network.plain) {
    rows.add_plain(name, tensor, network.parameters.contains(name));
  }
  // Packed layers came first; the network's own order reads better.
  std::map<std::string, size_t> order;
  std::map<std::string, std::string> types;
  for (const auto& [name, type] : network.modules) {
    order.emplace(name, order.size());
    types.emplace(name, type);
  }
  // A tensor may be named after no module, where a hook renames it: its row comes last.
  const auto place = [&](const LayerSummary& layer) {
    const auto found = order.find(layer.name);
    return found == order.end() ? order.size() : found->second;
  };
  std::vector<LayerSummary> layers = std::move(rows.get());
  for (LayerSummary& layer : layers) {
    layer.type = types[layer.name];
  }
  std::stable_sort(layers.begin(), layers.end(),
                   [&](const LayerSummary& a, const LayerSummary& b) { return place(a) < place(b); });
  return layers;
}

std::vector<LayerSummary> summarize(const SafetensorsFile& file, const std::string& source) {
  const bool packed_file = is_packed(file);
  Rows rows;
  for (const auto& [name, tensor] : file.tensors) {
    const auto layer = packed_file ? packed_layer_name(name) : std::nullopt;
    if (layer) {
      rows.add_packed(packed_summary(*layer, "", decode_named_layer(source, *layer, tensor), tensor.numel()));
    } else {
      rows.add_plain(name, tensor, true);
    }
  }
  return std::move(rows.get());
}

std::string summary_table(const std::vector<LayerSummary>& layers) {
  return aligned_table(table_rows(layers), 3);
}

std::string summary_markdown(const std::vector<LayerSummary>& layers) {
  return markdown_table(table_rows(layers), 3);
}

}  // namespace compress
