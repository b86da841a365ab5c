#include "compress/config/writer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace compress::config {
namespace {

// Text that some YAML reader would take for a number, a truth value or syntax.
bool needs_quotes(const std::string& text) {
  constexpr std::array<std::string_view, 10> words{"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"};
  std::string lower(text);
  std::transform(text.begin(), text.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto safe = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '/' || c == '.' || c == '-'; };
  return text.empty() || !(std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '/') ||
         !std::all_of(text.begin(), text.end(), safe) || std::find(words.begin(), words.end(), lower) != words.end();
}

Node scalar_node(const std::string& text) {
  return {.kind = Node::Kind::scalar, .text = text};
}

}  // namespace

Node Writer::write(const Visit& options) {
  Writer writer;
  options(writer);
  return std::move(writer.node_);
}

void Writer::key(const Key& key, const Visit& value) {
  if (key.rules.when.holds) {
    Node child = write(value);
    child.key = key.name;
    node_.children.push_back(std::move(child));
  }
}

void Writer::block(const Visit& fields) {
  node_.kind = Node::Kind::map;
  fields(*this);
}

void Writer::scalar(const Scalar& scalar) {
  node_ = scalar_node(scalar.text());
  node_.quoted = scalar.free_text && needs_quotes(node_.text);
}

void Writer::optional(const OptionalView& optional) {
  if (optional.present) {
    optional.value(*this);
  } else {
    node_ = scalar_node("none");
  }
}

void Writer::variant(const VariantView& variant) {
  node_.kind = Node::Kind::map;
  const std::string& name = variant.alternatives[variant.index].name;
  if (variant.keyed) {
    Node child = write(variant.value);
    child.key = name;
    node_.children.push_back(std::move(child));
  } else {
    node_.children.push_back(scalar_node(name));
    node_.children.back().key = "type";
    variant.value(*this);
  }
}

void Writer::list(const ListView& list) {
  node_.kind = Node::Kind::list;
  for (size_t i = 0; i < list.size; ++i) {
    node_.children.push_back(write([&](Visitor& v) { list.item(v, i); }));
  }
}

void Writer::pairs(TextPairs& pairs) {
  node_.kind = Node::Kind::map;
  for (auto& [key, value] : pairs) {
    Node child = write([&value](Visitor& v) { v.scalar(make_scalar(value, {})); });
    child.key = key;
    node_.children.push_back(std::move(child));
  }
}

}  // namespace compress::config
