// The only file that knows yaml-cpp.
#include "compress/config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "compress/core/error.h"

namespace compress::config {
namespace {

constexpr int deepest = 40;  // an alias inside its own anchor nests without end

// So that every message is one line.
void check_one_line(const std::string& text, const std::string& origin, const std::string& path) {
  const bool has_control = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' && c != '\t'; });
  check<UsageError>(!has_control, origin, ": ", path.empty() ? "" : path + ": ", "text of more than one line");
}

class Converter {
 public:
  Converter(std::string source, bool with_lines) : source_(std::move(source)), with_lines_(with_lines) {}

  std::string origin(const YAML::Mark& mark) const {
    return with_lines_ && mark.line >= 0 ? concat(source_, ":", mark.line + 1) : source_;
  }

  Node convert(const YAML::Node& yaml, const std::string& path, const YAML::Mark& mark, int depth) const {
    Node node;
    node.origin = origin(mark);
    check<UsageError>(depth < deepest, node.origin, ": blocks are nested more than ", deepest, " deep");
    switch (yaml.Type()) {
      case YAML::NodeType::Scalar:
        node.kind = Node::Kind::scalar;
        node.text = yaml.Scalar();
        check_one_line(node.text, node.origin, path);
        break;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::list;
        for (const YAML::Node& item : yaml) {
          node.children.push_back(convert(item, joined_path(path, node.children.size()), item.Mark(), depth + 1));
        }
        break;
      case YAML::NodeType::Map:
        node.kind = Node::Kind::map;
        for (const auto& entry : yaml) {
          add_entry(node, entry.first, entry.second, path, depth);
        }
        break;
      default:
        break;
    }
    return node;
  }

 private:
  void add_entry(Node& map, const YAML::Node& key, const YAML::Node& value, const std::string& path, int depth) const {
    const std::string where = origin(key.Mark()) + ": ";
    check<UsageError>(key.IsScalar(), where, path.empty() ? "" : path + ": ", "a key must be a word");
    check_one_line(key.Scalar(), origin(key.Mark()), path);
    const std::string key_path = joined_path(path, key.Scalar());
    if (const Node* first = map.find(key.Scalar())) {
      fail<UsageError>(where, key_path, ": is given twice (first at ", first->origin, ")");
    }
    // The key's line: of a block, the value begins one later.
    Node child = convert(value, key_path, key.Mark(), depth + 1);
    child.key = key.Scalar();
    map.children.push_back(std::move(child));
  }

  std::string source_;
  bool with_lines_;
};

void emit(YAML::Emitter& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      out << YAML::Null;
      break;
    case Node::Kind::scalar:
      if (node.quoted) {
        out << YAML::DoubleQuoted;
      }
      out << node.text;
      break;
    case Node::Kind::list:
      if (std::all_of(node.children.begin(), node.children.end(),
                      [](const Node& item) { return item.kind == Node::Kind::scalar; })) {
        out << YAML::Flow;
      }
      out << YAML::BeginSeq;
      for (const Node& item : node.children) {
        emit(out, item);
      }
      out << YAML::EndSeq;
      break;
    case Node::Kind::map:
      out << YAML::BeginMap;
      for (const Node& child : node.children) {
        out << YAML::Key << child.key << YAML::Value;
        emit(out, child);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

Node parse_yaml(const std::string& text, const std::string& source, bool with_lines) {
  const Converter converter(source, with_lines);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    check<UsageError>(documents.size() <= 1, source, ": holds ", documents.size(), " YAML documents, expected one");
    return documents.empty() ? Node{.origin = source}
                             : converter.convert(documents.front(), "", documents.front().Mark(), 0);
  } catch (const YAML::Exception& error) {
    fail<UsageError>(converter.origin(error.mark), ": not valid YAML: ", error.msg);
  }
}

std::string emit_yaml(const Node& node) {
  YAML::Emitter out;
  emit(out, node);
  return std::string(out.c_str()) + "\n";
}

std::string emit_yaml_line(const Node& node) {
  YAML::Emitter out;
  out.SetMapFormat(YAML::Flow);
  out.SetSeqFormat(YAML::Flow);
  emit(out, node);
  return out.c_str();
}

}  // namespace compress::config
