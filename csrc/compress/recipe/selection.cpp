#include "compress/recipe/selection.h"

#include <fnmatch.h>

#include <algorithm>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::recipe {
namespace {

bool matches(const std::string& pattern, const std::string& name, const std::string& type) {
  return pattern == type || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0 || name.starts_with(pattern + ".");
}

bool matches(const std::string& pattern, const Layer& layer) {
  return matches(pattern, layer.name(), layer.type());
}

// The first pattern that matches, null where none does.
const std::string* matching(const std::vector<std::string>& patterns, const Layer& layer) {
  const auto found = std::find_if(patterns.begin(), patterns.end(),
                                  [&](const std::string& pattern) { return matches(pattern, layer); });
  return found == patterns.end() ? nullptr : &*found;
}

// The first layer without slots that the pattern matches, null where there is none.
const OtherLayer* other_layer(const std::string& pattern, const std::vector<OtherLayer>& others) {
  const auto found = std::find_if(others.begin(), others.end(),
                                  [&](const OtherLayer& other) { return matches(pattern, other.name, other.type); });
  return found == others.end() ? nullptr : &*found;
}

// A long list helps nobody: what a network of a thousand layers prints.
std::string name_list(const std::vector<std::string>& names) {
  constexpr size_t names_shown = 40;
  std::string list;
  for (size_t i = 0; i < names.size() && i < names_shown; ++i) {
    list += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > names_shown ? concat(list, ", and ", names.size() - names_shown, " more") : list;
}

[[noreturn]] void fail_to_match(const std::string& pattern, const Attachment& attachment, const std::string& key) {
  std::vector<std::string> names;
  for (const auto& layer : attachment.layers) {
    names.push_back(layer->name());
  }
  fail<UsageError>(key, ": '", pattern, "' matches no layer", did_you_mean(pattern, names),
                   " (layers: ", name_list(names), ")");
}

void check_patterns(const std::vector<std::string>& patterns, const Attachment& attachment, const std::string& key,
                    bool may_match_others) {
  for (const std::string& pattern : patterns) {
    if (std::any_of(attachment.layers.begin(), attachment.layers.end(),
                    [&](const auto& layer) { return matches(pattern, *layer); })) {
      continue;
    }
    const OtherLayer* other = other_layer(pattern, attachment.others);
    if (other == nullptr) {
      fail_to_match(pattern, attachment, key);
    }
    check<UsageError>(may_match_others, key, ": '", pattern, "' is ", other->name, ", a ", other->type,
                      ", which cannot be compressed: ", other->reason);
  }
}

// Why nothing is left, for the first few layers.
std::string reasons(const std::vector<PlanRow>& left_out) {
  constexpr size_t rows_shown = 3;
  std::string list;
  for (size_t i = 0; i < left_out.size() && i < rows_shown; ++i) {
    const std::string& layer = left_out[i].layer;
    list += concat(i == 0 ? " (" : "; ", layer.empty() ? "the model" : layer, " is ", left_out[i].action);
  }
  if (left_out.empty()) {
    return ": the model has no layer with a weight";
  }
  return concat(list, left_out.size() > rows_shown ? concat("; and ", left_out.size() - rows_shown, " more") : "", ")");
}

}  // namespace

Selection select_layers(const Attachment& attachment, const std::vector<std::string>& include,
                        const std::vector<std::string>& exclude, std::string_view method) {
  check_patterns(include, attachment, concat(method, ".include"), false);
  check_patterns(exclude, attachment, concat(method, ".exclude"), true);
  Selection selection;
  const auto leave_out = [&](const std::string& name, const std::string& why) {
    selection.left_out.push_back({name, std::string(method), "left out: " + why});
  };
  for (const std::shared_ptr<Layer>& layer : attachment.layers) {
    if (!include.empty() && matching(include, *layer) == nullptr) {
      leave_out(layer->name(), "not in include");
    } else if (const std::string* pattern = matching(exclude, *layer)) {
      leave_out(layer->name(), "exclude '" + *pattern + "'");
      selection.excluded.insert(layer->name());
    } else {
      selection.layers.push_back(layer);
    }
  }
  for (const OtherLayer& other : attachment.others) {
    leave_out(other.name, other.reason);
  }
  check<UsageError>(!selection.layers.empty(), method, ": no layer is left", reasons(selection.left_out));
  return selection;
}

}  // namespace compress::recipe
