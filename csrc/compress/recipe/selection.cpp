#include "compress/recipe/selection.h"

#include <fnmatch.h>

#include <algorithm>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::recipe {
namespace {

bool matches(const std::string& pattern, const nn::NamedLayer& layer) {
  return pattern == layer.layer->layer_type() || ::fnmatch(pattern.c_str(), layer.name.c_str(), 0) == 0 ||
         layer.name.starts_with(pattern + ".");
}

// The first pattern that matches, null where none does.
const std::string* matching(const std::vector<std::string>& patterns, const nn::NamedLayer& layer) {
  const auto found = std::find_if(patterns.begin(), patterns.end(),
                                  [&](const std::string& pattern) { return matches(pattern, layer); });
  return found == patterns.end() ? nullptr : &*found;
}

void check_patterns(const std::vector<std::string>& patterns, const std::vector<nn::NamedLayer>& layers,
                    std::string_view method, std::string_view key) {
  for (const std::string& pattern : patterns) {
    if (std::any_of(layers.begin(), layers.end(), [&](const auto& layer) { return matches(pattern, layer); })) {
      continue;
    }
    std::vector<std::string> names;
    std::string list;
    for (const nn::NamedLayer& layer : layers) {
      names.push_back(layer.name);
      list += (list.empty() ? "" : ", ") + layer.name;
    }
    fail<UsageError>(method, ".", key, ": '", pattern, "' matches no layer", did_you_mean(pattern, names),
                     " (layers: ", list, ")");
  }
}

}  // namespace

Selection select_layers(const std::vector<nn::NamedLayer>& layers, const std::vector<std::string>& include,
                        const std::vector<std::string>& exclude, std::string_view method) {
  check_patterns(include, layers, method, "include");
  check_patterns(exclude, layers, method, "exclude");
  Selection selection;
  const auto leave_out = [&](const nn::NamedLayer& layer, const std::string& why) {
    selection.left_out.push_back({layer.name, std::string(method), "left out: " + why});
  };
  for (const nn::NamedLayer& layer : layers) {
    if (!include.empty() && matching(include, layer) == nullptr) {
      leave_out(layer, "not in include");
    } else if (const std::string* pattern = matching(exclude, layer)) {
      leave_out(layer, "exclude '" + *pattern + "'");
    } else {
      selection.layers.push_back(layer);
    }
  }
  check<UsageError>(!selection.layers.empty(), method, ": no layer is left; look at include and exclude");
  return selection;
}

}  // namespace compress::recipe
