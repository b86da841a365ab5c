#include "compress/config/overrides.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "compress/config/yaml.h"
#include "compress/core/error.h"

namespace compress::config {
namespace {

std::optional<size_t> as_index(std::string_view text) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(index) : std::nullopt;
}

// Walks to the place that an assignment names, adding the keys on the way.
class Walk {
 public:
  Walk(Node& document, std::string origin) : node_(&document), origin_(std::move(origin)) {}

  void step(const std::string& segment) {
    check<UsageError>(!segment.empty(), origin_, ": a key is empty; write key.path=value");
    switch (node_->kind) {
      case Node::Kind::list:
        return step_into_list(segment);
      case Node::Kind::scalar:
        fail<UsageError>(origin_, ": ", path_, " is '", node_->text, "', which has no keys; set it as a whole: ", path_,
                         "={", segment, ": ...}");
      default:
        return step_into_map(segment);
    }
  }

  Node& node() { return *node_; }

 private:
  void step_into_map(const std::string& key) {
    node_->kind = Node::Kind::map;
    Node* child = node_->find(key);
    if (child == nullptr) {
      child = &node_->children.emplace_back();
      child->key = key;
      child->origin = origin_;
    }
    path_ = joined_path(path_, key);
    node_ = child;
  }

  void step_into_list(const std::string& segment) {
    if (const std::optional<size_t> index = as_index(segment)) {
      check<UsageError>(*index < node_->children.size(), origin_, ": ", path_, " has ", node_->children.size(),
                        " items, counted from 0 (got ", *index, ")");
      path_ = joined_path(path_, *index);
      node_ = &node_->children[*index];
      return;
    }
    const auto found = std::find_if(node_->children.begin(), node_->children.end(), [&](const Node& item) {
      return item.children.size() == 1 && item.find(segment) != nullptr;
    });
    check<UsageError>(found != node_->children.end(), origin_, ": ", path_, " is a list without a '", segment,
                      "' block; give an item's index, counted from 0: ", path_, ".0");
    path_ = joined_path(path_, static_cast<size_t>(found - node_->children.begin()));
    node_ = &*found;
    step_into_map(segment);
  }

  Node* node_;
  std::string origin_;
  std::string path_;
};

}  // namespace

void apply_override(Node& document, const std::string& assignment) {
  const std::string origin = "--set " + assignment;
  const size_t equals = assignment.find('=');
  check<UsageError>(equals != std::string::npos && equals > 0, origin, ": expected key.path=value");
  Walk walk(document, origin);
  for (size_t begin = 0; begin <= equals;) {
    const size_t end = std::min(assignment.find('.', begin), equals);
    walk.step(assignment.substr(begin, end - begin));
    begin = end + 1;
  }
  Node value = parse_yaml(assignment.substr(equals + 1), origin, /*with_lines=*/false);
  value.key = walk.node().key;
  walk.node() = std::move(value);
}

}  // namespace compress::config
