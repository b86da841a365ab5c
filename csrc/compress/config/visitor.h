#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "compress/config/scalar.h"
#include "compress/core/names.h"
#include "compress/recipe/options.h"

namespace compress::config {

/// Whether a variant's alternative is the one key of its block (`prune: {...}`) instead of its key `type`.
template <typename Variant>
inline constexpr bool keyed = false;
template <>
inline constexpr bool keyed<recipe::MethodOptions> = true;

class Visitor;

/// Takes a visitor to a value.
using Visit = std::function<void(Visitor&)>;

/// A key of a block.
struct Key {
  std::string name;
  std::string help;
  Rules rules;
};

/// A block that may be missing: `none`.
struct OptionalView {
  bool present;
  std::function<void(bool)> set_present;
  Visit value;  ///< there must be one
};

/// One of several blocks, told apart by name.
struct VariantView {
  std::vector<NamedChoice> alternatives;
  bool keyed;  ///< `prune: {...}` instead of `{type: prune, ...}`
  size_t index;
  std::function<void(size_t)> select;  ///< with the alternative's defaults
  Visit value;
};

/// Any number of values of one type.
struct ListView {
  size_t size;
  std::function<void(size_t)> resize;
  std::function<void(Visitor&, size_t)> item;
  Visit example;  ///< an item with its defaults
};

using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// Walks over options in the order of their description (describe.h), which says everything once: key, place, meaning,
/// rules. The reader, the writer and the documentation are visitors. Options start with their defaults.
class Visitor {
 public:
  virtual ~Visitor() = default;

  template <typename T>
  void field(const char* name, T& value, const char* help, const Rules& rules = {}) {
    key({name, help, rules}, [&value, rules](Visitor& v) { visit_value(v, value, rules); });
  }

  /// A block that `none` takes away; `fields` describes what is in it.
  template <typename T, typename Fields>
  void optional_block(const char* name, std::optional<T>& value, const char* help, Fields fields) {
    key({name, help, {}}, [&value, fields](Visitor& v) {
      v.optional({value.has_value(),
                  [&value](bool present) {
                    if (!present) {
                      value.reset();
                    } else if (!value) {
                      value.emplace();
                    }
                  },
                  [&value, fields](Visitor& v) { v.block([&value, fields](Visitor& v) { fields(v, *value); }); }});
    });
  }

  /// A rule between keys, told once they are read: `path` leads from this block to the one to blame.
  virtual void require(bool holds, const std::string& path, const std::string& message) {}
  /// Sets defaults that keys already read decide; for the reader only.
  virtual void derive(const std::function<void()>& set_defaults) {}

  virtual void key(const Key& key, const Visit& value) = 0;
  virtual void block(const Visit& fields) = 0;
  virtual void scalar(const Scalar& scalar) = 0;
  virtual void optional(const OptionalView& optional) = 0;
  virtual void variant(const VariantView& variant) = 0;
  virtual void list(const ListView& list) = 0;
  virtual void pairs(TextPairs& pairs) = 0;

 private:
  template <typename T>
  static void visit_value(Visitor& v, T& value, const Rules& rules) {
    if constexpr (requires { make_scalar(value, rules); }) {
      v.scalar(make_scalar(value, rules));
    } else {
      v.block([&value](Visitor& v) { describe(v, value); });
    }
  }

  template <typename... Ts>
  static void visit_value(Visitor& v, std::variant<Ts...>& value, const Rules&) {
    using Variant = std::variant<Ts...>;
    v.variant(
        {.alternatives = {{type_name<Ts>.name, type_name<Ts>.help}...},
         .keyed = keyed<Variant>,
         .index = value.index(),
         .select =
             [&value](size_t index) {
               static const Variant defaults[]{Ts{}...};
               value = defaults[index];
             },
         .value = [&value](Visitor& v) { std::visit([&v](auto& chosen) { visit_value(v, chosen, {}); }, value); }});
  }

  template <typename T>
  static void visit_value(Visitor& v, std::vector<T>& value, const Rules& rules) {
    v.list({.size = value.size(),
            .resize = [&value](size_t size) { value.assign(size, T{}); },
            .item = [&value, rules](Visitor& v, size_t index) { visit_value(v, value[index], rules); },
            .example =
                [rules](Visitor& v) {
                  T example{};
                  visit_value(v, example, rules);
                }});
  }

  static void visit_value(Visitor& v, TextPairs& value, const Rules&) { v.pairs(value); }
};

}  // namespace compress::config
