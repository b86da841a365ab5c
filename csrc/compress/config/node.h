#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace compress::config {

/// A YAML document as plain data: what the parser hands on and the emitter takes. Every scalar is its text.
struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string key{};             ///< of a map's child
  std::string text{};            ///< of a scalar
  bool quoted = false;           ///< the emitter puts the scalar in quotes
  std::vector<Node> children{};  ///< of a list or map, in the document's order
  std::string origin{};          ///< where the user wrote it: "configs/x.yaml:12", "--set seed=3"

  /// The child of that key, null where there is none.
  const Node* find(std::string_view name) const;
  Node* find(std::string_view name);
  /// The node under a path such as `schedule.end` or `compression[1]`; the deepest one that exists.
  const Node& nearest(std::string_view path) const;
};

/// "a list", "a block of keys", "'text'", "nothing": for messages about what was got.
std::string description(const Node& node);

/// "losses" + "0" = "losses[0]", "prune" + "scope" = "prune.scope": how messages write a place.
std::string joined_path(const std::string& path, const std::string& key);
std::string joined_path(const std::string& path, size_t index);

}  // namespace compress::config
