#include "compress/config/config.h"

#include <fstream>
#include <sstream>

#include "compress/config/describe.h"
#include "compress/config/overrides.h"
#include "compress/config/reader.h"
#include "compress/config/writer.h"
#include "compress/config/yaml.h"

namespace compress::config {
namespace {

Node parse_document(const std::string& text, const std::string& name) {
  Node document = parse_yaml(text, name);
  check<UsageError>(document.kind != Node::Kind::null, name, ": is empty; docs/config.md lists what a config holds");
  return document;
}

train::Experiment read_experiment(const Node& document) {
  train::Experiment experiment;
  Reader::read(document, [&](Visitor& v) { v.block([&](Visitor& v) { describe(v, experiment); }); });
  return experiment;
}

// Puts a value that stands alone under the key it has in an experiment.
Node under_key(const char* key, Node value) {
  Node document{.kind = Node::Kind::map, .origin = value.origin};
  value.key = key;
  document.children.push_back(std::move(value));
  return document;
}

}  // namespace

train::Experiment parse_experiment(const std::string& yaml_text, const std::string& file_name,
                                   const std::vector<std::string>& overrides) {
  Node document = parse_document(yaml_text, file_name);
  for (const std::string& assignment : overrides) {
    apply_override(document, assignment);
  }
  return read_experiment(document);
}

train::Experiment load_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  check<UsageError>(std::filesystem::exists(file), file.string(), ": no such file");
  check<UsageError>(!std::filesystem::is_directory(file), file.string(), ": is a folder; give a YAML file");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  check<UsageError>(stream.good() || stream.eof(), file.string(), ": cannot be read");
  return parse_experiment(text.str(), file.string(), overrides);
}

std::string to_yaml(const train::Experiment& experiment) {
  train::Experiment copy = experiment;
  return emit_yaml(Writer::write([&](Visitor& v) { v.block([&](Visitor& v) { describe(v, copy); }); }));
}

std::vector<recipe::MethodOptions> parse_recipe(const std::string& yaml_text, const std::string& name) {
  Node document = parse_document(yaml_text, name);
  if (document.kind == Node::Kind::list) {
    document = under_key("compression", std::move(document));
  }
  if (document.find("compression") != nullptr && document.children.size() > 1) {
    return read_experiment(document).compression;
  }
  std::vector<recipe::MethodOptions> recipe;
  Reader::read(document, [&](Visitor& v) { v.block([&](Visitor& v) { describe_compression(v, recipe); }); });
  return recipe;
}

std::string recipe_to_yaml(const std::vector<recipe::MethodOptions>& recipe) {
  std::vector<recipe::MethodOptions> copy = recipe;
  return emit_yaml(Writer::write([&](Visitor& v) { v.block([&](Visitor& v) { describe_compression(v, copy); }); }));
}

models::ModelOptions parse_model(const std::string& yaml_text, const std::string& name) {
  models::ModelOptions model;
  const Node document = under_key("model", parse_document(yaml_text, name));
  Reader::read(document, [&](Visitor& v) { v.block([&](Visitor& v) { describe_model(v, model, ""); }); });
  return model;
}

std::string model_to_yaml(const models::ModelOptions& model) {
  models::ModelOptions copy = model;
  Node document = Writer::write([&](Visitor& v) { v.block([&](Visitor& v) { describe_model(v, copy, ""); }); });
  return emit_yaml_line(document.children.front());
}

}  // namespace compress::config
