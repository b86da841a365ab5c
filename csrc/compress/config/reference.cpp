#include "compress/config/reference.h"

#include <cctype>
#include <map>

#include "compress/config/describe.h"
#include "compress/config/node.h"
#include "compress/config/writer.h"
#include "compress/config/yaml.h"

namespace compress::config {
namespace {

constexpr const char* introduction = R"(# Configuration reference

One YAML file describes a whole run of `compress-ext train`. This page lists every key; [recipe.md](recipe.md) explains
the compression block. It is written from the code: after a change there, run

    COMPRESS_UPDATE=1 build/release/tests/cpp/compress_tests --gtest_filter='ConfigReference.*'

- A **duration** is `60%` of the run, `20e` epochs (fractions allowed) or a bare number of optimizer steps.
- A block that may be `none` is taken away by it. A block or a list with nothing after its colon keeps its
  defaults.
- `--set key.path=value` overrides one key, or adds it: `--set training.duration=5e`. Items of a list go by index,
  counted from 0, or by method: `--set compression.0.prune.sparsity=0.8` or `--set compression.prune.sparsity=0.8`. The
  value is YAML: `--set optimizer='{type: adamw, lr: 0.001}'`.
- The effective configuration, with every default filled in, is saved as `config.yaml` in the run's folder; `--dry-run`
  prints it.

An unknown key, a wrong type and a value out of range are errors that name the line and what is allowed.
)";

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

// The anchor that GitHub gives a heading.
std::string anchor(const std::string& title) {
  std::string result;
  for (const unsigned char c : title) {
    if (std::isalnum(c) || c == '_' || c == '-') {
      result += static_cast<char>(std::tolower(c));
    } else if (c == ' ') {
      result += '-';
    }
  }
  return result;
}

std::string choice_list(const std::vector<NamedChoice>& choices) {
  std::string text;
  for (const NamedChoice& choice : choices) {
    text += (text.empty() ? "" : ", ") + code(choice.name);
  }
  return text;
}

// One table for each block, in the order in which a file would have them.
class ReferenceWriter : public Visitor {
 public:
  std::string text() const {
    std::string result = introduction;
    for (const Section& section : sections_) {
      result += "\n## " + section.title + "\n\n" + (section.help.empty() ? "" : section.help + "\n\n");
      if (!section.rows.empty()) {
        result += "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n" + section.rows;
      }
    }
    return result;
  }

  void section(const std::string& title, const std::string& help, const Visit& fields) {
    const size_t outer = section_;
    section_ = sections_.size();
    sections_.push_back({title, help, ""});
    fields(*this);
    section_ = outer;
  }

  void key(const Key& key, const Visit& value) override {
    const Key outer_key = key_;
    const std::string outer_path = path_;
    key_ = key;
    path_ = joined_path(path_, key.name);
    type_prefix_.clear();
    type_suffix_.clear();
    default_ = key.rules.required ? "**required**" : code(emit_yaml_line(Writer::write(value)));
    value(*this);
    key_ = outer_key;
    path_ = outer_path;
  }

  void scalar(const Scalar& scalar) override {
    std::string meaning;
    for (const NamedChoice& choice : scalar.choices) {
      meaning += choice.help.empty() ? "" : "<br>" + code(choice.name) + ": " + choice.help + ".";
    }
    row(scalar.type, default_, scalar.choices.empty() ? scalar.allowed : choice_list(scalar.choices), meaning);
  }

  void block(const Visit& fields) override {
    if (key_.name.empty()) {  // the alternative of a variant, which has its section
      fields(*this);
      return;
    }
    const std::string title = code(path_);
    row("block", key_.rules.required ? default_ : "", "", " See " + link(title, title) + ".");
    nested(title, key_.help, fields);
  }

  void optional(const OptionalView& optional) override {
    type_prefix_ = "`none` or ";
    optional.set_present(true);  // what is absent by default has keys to describe all the same
    optional.value(*this);
  }

  void variant(const VariantView& variant) override {
    const std::string names = choice_list(variant.alternatives);
    const auto [seen, first_time] = described_.emplace(names, path_);
    const std::string title = variant.keyed ? path_ + "." : seen->second + ", type: ";
    std::string links;
    for (const NamedChoice& choice : variant.alternatives) {
      links += (links.empty() ? "" : ", ") + link(code(choice.name), code(title + choice.name));
    }
    const bool in_list = !type_suffix_.empty();
    row("block", in_list || key_.rules.required ? default_ : code("type: " + variant.alternatives[variant.index].name),
        (variant.keyed ? "" : "`type`: ") + links, "");
    for (size_t i = 0; first_time && i < variant.alternatives.size(); ++i) {
      const NamedChoice& chosen = variant.alternatives[i];
      variant.select(i);
      const std::string outer_path = path_;
      path_ = variant.keyed ? joined_path(path_, chosen.name) : path_;
      nested(code(title + chosen.name), chosen.help, variant.value);
      path_ = outer_path;
    }
  }

  void list(const ListView& list) override {
    type_prefix_ = "list of ";
    type_suffix_ = "s";
    path_ += "[]";
    list.example(*this);
  }

  void pairs(TextPairs&) override { row("{name: name}", default_, "", ""); }

 private:
  struct Section {
    std::string title;
    std::string help;
    std::string rows;
  };

  static std::string link(const std::string& text, const std::string& title) {
    return "[" + text + "](#" + anchor(title) + ")";
  }

  void nested(const std::string& title, const std::string& help, const Visit& fields) {
    const Key outer = key_;
    key_ = {};
    section(title, help, fields);
    key_ = outer;
  }

  void row(const std::string& type, const std::string& standard, const std::string& allowed, const std::string& more) {
    const Condition& when = key_.rules.when;
    const std::string only = *when.text == '\0' ? "" : " Only where `" + std::string(when.text) + "`.";
    sections_[section_].rows += "| " + code(key_.name) + " | " + type_prefix_ + type + type_suffix_ + " | " + standard +
                                " | " + allowed + " | " + key_.help + only + more + " |\n";
  }

  std::vector<Section> sections_;
  size_t section_ = 0;
  Key key_;                                       // being described; no name at the top of a section
  std::string path_;                              // its path
  std::string default_;                           // its default
  std::string type_prefix_, type_suffix_;         // "list of ", "s"
  std::map<std::string, std::string> described_;  // variants that have their sections, and where
};

}  // namespace

std::string config_reference_markdown() {
  train::Experiment experiment;
  ReferenceWriter writer;
  writer.section("Top level", "", [&](Visitor& v) { describe(v, experiment); });
  return writer.text();
}

}  // namespace compress::config
