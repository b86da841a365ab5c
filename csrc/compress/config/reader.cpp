#include "compress/config/reader.h"

#include <algorithm>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::config {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void fail_at(const Node& node, const std::string& path, const std::string& what) {
  fail<UsageError>(node.origin, ": ", path, path.empty() ? "" : ": ", what);
}

}  // namespace

template <typename... Parts>
void Reader::fail_here(const Parts&... parts) {
  fail_at(*here().node, here().path, concat(parts...));
}

void Reader::read(const Node& document, const Visit& options) {
  Reader().enter(document, "", options);
}

void Reader::enter(const Node& node, std::string path, const Visit& visit) {
  places_.push_back({&node, std::move(path), "", {}, {}});
  visit(*this);
  places_.pop_back();
}

void Reader::require(bool holds, const std::string& path, const std::string& message) {
  // A required key that is missing is named as such when the block ends.
  if (!holds && !contains(here().missing, path)) {
    fail_at(here().node->nearest(path), joined_path(here().path, path), message);
  }
}

void Reader::key(const Key& key, const Visit& value) {
  const Node* child = here().node->find(key.name);
  const std::string path = joined_path(here().path, key.name);
  if (!key.rules.when.holds) {
    if (child != nullptr) {
      fail_at(*child, path, concat("is a key only where ", key.rules.when.text));
    }
    return;
  }
  here().known.push_back(key.name);
  if (child != nullptr) {
    enter(*child, path, value);
  } else if (key.rules.required) {
    here().missing.push_back(key.name);
  }
}

void Reader::block(const Visit& fields) {
  const Node::Kind kind = here().node->kind;
  // Nothing after the colon, or all of it commented out, leaves the defaults.
  if (kind != Node::Kind::map && kind != Node::Kind::null) {
    fail_here("expected a block of keys (got ", description(*here().node), ")");
  }
  fields(*this);
  check_keys();
}

void Reader::fail_unknown(const Node& child) {
  const std::string near = nearest_name(child.key, here().known);
  fail_at(child, joined_path(here().path, child.key),
          concat("unknown key", here().type.empty() ? "" : " of ", here().type,
                 near.empty() ? "" : "; did you mean '" + near + "'?", " (allowed: ", joined(here().known), ")"));
}

void Reader::check_keys() {
  for (const Node& child : here().node->children) {
    if (!contains(here().known, child.key)) {
      fail_unknown(child);
    }
  }
  if (!here().missing.empty()) {
    fail_here("lacks the required key '", here().missing.front(), "'");
  }
}

void Reader::scalar(const Scalar& scalar) {
  if (here().node->kind != Node::Kind::scalar) {
    fail_here("expected ", scalar.expected(), " (got ", description(*here().node), ")");
  }
  try {
    scalar.parse(here().node->text);
  } catch (const UsageError& error) {
    fail_here(error.what());
  }
}

void Reader::optional(const OptionalView& optional) {
  const bool none = here().node->kind == Node::Kind::scalar && here().node->text == "none";
  optional.set_present(!none);
  if (!none) {
    optional.value(*this);
  }
}

void Reader::variant(const VariantView& variant) {
  if (variant.keyed) {
    variant_by_key(variant);
  } else {
    variant_by_type(variant);
  }
}

void Reader::fail_without_type(const VariantView& variant) {
  const Node& node = *here().node;
  if (node.kind == Node::Kind::scalar || node.kind == Node::Kind::list) {
    fail_here("expected a block with a key 'type' (got ", description(node), ")");
  }
  for (const Node& child : node.children) {
    if (!nearest_name(child.key, here().known).empty()) {
      fail_unknown(child);
    }
  }
  fail_here("lacks the required key 'type' (allowed: ", joined(names_of(variant.alternatives)), ")");
}

void Reader::variant_by_type(const VariantView& variant) {
  here().known.push_back("type");
  const Node* type = here().node->find("type");
  if (type == nullptr) {
    fail_without_type(variant);
  }
  size_t index = 0;
  enter(*type, joined_path(here().path, "type"), [&](Visitor& v) {
    v.scalar(make_choice_scalar(variant.alternatives, {}, [&](size_t chosen) { index = chosen; }));
  });
  here().type = "type: " + variant.alternatives[index].name;
  variant.select(index);
  variant.value(*this);
}

void Reader::variant_by_key(const VariantView& variant) {
  here().known = names_of(variant.alternatives);
  const Node& node = *here().node;
  if (node.kind != Node::Kind::map || node.children.size() != 1) {
    fail_here("expected one block of ", joined(here().known), ", as '- ", here().known.front(), ": {...}' (got ",
              node.kind == Node::Kind::map ? concat(node.children.size(), " keys; each begins with its own '-'")
                                           : description(node),
              ")");
  }
  const Node& child = node.children.front();
  const auto found = std::find(here().known.begin(), here().known.end(), child.key);
  if (found == here().known.end()) {
    fail_unknown(child);
  }
  variant.select(static_cast<size_t>(found - here().known.begin()));
  enter(child, joined_path(here().path, child.key), variant.value);
}

void Reader::list(const ListView& list) {
  const Node& node = *here().node;
  if (node.kind == Node::Kind::null) {
    return;
  }
  if (node.kind != Node::Kind::list) {
    fail_here("expected a list (got ", description(node), ")",
              node.kind == Node::Kind::scalar ? concat("; write [", node.text, "]") : "; begin each item with '- '");
  }
  list.resize(node.children.size());
  const std::string path = here().path;
  for (size_t i = 0; i < node.children.size(); ++i) {
    enter(node.children[i], joined_path(path, i), [&](Visitor& v) { list.item(v, i); });
  }
}

void Reader::pairs(TextPairs& pairs) {
  const Node& node = *here().node;
  if (node.kind != Node::Kind::map) {
    fail_here("expected {name: name, ...} (got ", description(node), ")");
  }
  pairs.clear();
  for (const Node& child : node.children) {
    auto& [key, value] = pairs.emplace_back(child.key, "");
    enter(child, joined_path(here().path, child.key), [&value](Visitor& v) { v.scalar(make_scalar(value, {})); });
  }
}

}  // namespace compress::config
