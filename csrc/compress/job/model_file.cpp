#include "compress/job/model_file.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "compress/config/config.h"
#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/export/packed.h"
#include "compress/models/weights.h"
#include "compress/nn/compressible.h"

namespace compress::job {
namespace {

namespace fs = std::filesystem;

std::string shape_text(const models::InputShape& shape) {
  return concat(shape.channels, "x", shape.height, "x", shape.width, "x", shape.classes);
}

models::InputShape parse_shape(const std::string& text, const std::string& source) {
  std::vector<int64_t> sizes;
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  while (next < end) {
    int64_t size = 0;
    const auto [after, error] = std::from_chars(next, end, size);
    check(error == std::errc() && size > 0 && (after == end || *after == 'x'), source,
          ": metadata 'shape' is damaged (", text, ")");
    sizes.push_back(size);
    next = after + 1;
  }
  check(sizes.size() == 4, source, ": metadata 'shape' is damaged (", text, ")");
  return {sizes[0], sizes[1], sizes[2], sizes[3]};
}

bool is_compressed(models::Network& network) {
  const std::vector<nn::NamedLayer> layers = nn::compressible_layers(network);
  return std::any_of(layers.begin(), layers.end(), [](const nn::NamedLayer& named) {
    return named.layer->weight_mask.defined() || !named.layer->weight_quantizer.is_empty() ||
           !named.layer->input_quantizer.is_empty();
  });
}

}  // namespace

void save_model(const fs::path& path, models::Network& network, const ModelDescription& description) {
  const std::map<std::string, std::string> metadata{{"model", config::model_to_yaml(description.options)},
                                                    {"shape", shape_text(description.shape)}};
  if (is_compressed(network)) {
    save_packed(path, network, metadata);
  } else {
    save_safetensors(path, models::state_dict(network), metadata);
  }
}

LoadedModel load_model(const fs::path& path) {
  const SafetensorsFile file = load_safetensors(path);
  const std::string source = path.string();
  check(file.metadata.contains("model") && file.metadata.contains("shape"), source,
        ": does not say which network it belongs to; it is not a run's model.safetensors");
  LoadedModel loaded;
  loaded.description.options = config::parse_model(file.metadata.at("model"), source);
  loaded.description.shape = parse_shape(file.metadata.at("shape"), source);
  loaded.network = models::make_network(loaded.description.options, loaded.description.shape);
  loaded.packed = is_packed(file);
  if (loaded.packed) {
    load_packed(path, *loaded.network);
  } else {
    models::load_state_dict(*loaded.network, file.tensors, source);
  }
  loaded.network->eval();
  return loaded;
}

}  // namespace compress::job
