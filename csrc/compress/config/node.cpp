#include "compress/config/node.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace compress::config {

const Node* Node::find(std::string_view name) const {
  if (kind != Kind::map) {
    return nullptr;
  }
  const auto found =
      std::find_if(children.begin(), children.end(), [&](const Node& child) { return child.key == name; });
  return found == children.end() ? nullptr : &*found;
}

Node* Node::find(std::string_view name) {
  return const_cast<Node*>(std::as_const(*this).find(name));
}

const Node& Node::nearest(std::string_view path) const {
  const size_t key_end = std::min(path.find_first_of(".["), path.size());
  const Node* child = find(path.substr(0, key_end));
  size_t end = key_end;
  if (path.starts_with('[')) {
    size_t index = 0;
    std::from_chars(path.data() + 1, path.data() + path.size(), index);
    child = index < children.size() ? &children[index] : nullptr;
    end = path.find(']') + 1;
  }
  if (child == nullptr) {
    return *this;
  }
  const std::string_view rest = path.substr(end);
  return child->nearest(rest.starts_with('.') ? rest.substr(1) : rest);
}

std::string description(const Node& node) {
  switch (node.kind) {
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a block of keys";
    case Node::Kind::scalar:
      return "'" + node.text + "'";
    case Node::Kind::null:
      break;
  }
  return "nothing";
}

std::string joined_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string joined_path(const std::string& path, size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

}  // namespace compress::config
