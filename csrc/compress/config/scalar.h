#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "compress/config/rules.h"
#include "compress/core/duration.h"
#include "compress/core/format.h"
#include "compress/core/names.h"

namespace compress::config {

/// A name that a key takes, and what it means.
struct NamedChoice {
  std::string name{};
  std::string help{};
};

/// One value of the options, seen as text.
struct Scalar {
  std::string type{};                               ///< "number", "duration", ... for messages and documentation
  std::string allowed{};                            ///< the range; empty where there is none
  std::vector<NamedChoice> choices{};               ///< of a closed list of names
  bool free_text = false;                           ///< a string of the user's, which may need quotes
  std::function<std::string()> text{};              ///< the value now; parse(text()) changes nothing
  std::function<void(const std::string&)> parse{};  ///< raises UsageError, saying what is wrong without saying where

  /// "a number", "one of layer, global".
  std::string expected() const;
};

std::vector<std::string> names_of(const std::vector<NamedChoice>& choices);

/// "layer, global".
std::string joined(const std::vector<std::string>& names);

Scalar make_scalar(bool& value, const Rules& rules);
Scalar make_scalar(int64_t& value, const Rules& rules);
Scalar make_scalar(double& value, const Rules& rules);
Scalar make_scalar(std::string& value, const Rules& rules);
Scalar make_scalar(Duration& value, const Rules& rules);
Scalar make_scalar(IntegerFormat& value, const Rules& rules);

/// The index of `name`. Raises UsageError with the nearest name and all that are allowed.
size_t parse_choice(const std::string& name, const std::vector<NamedChoice>& choices);

Scalar make_choice_scalar(std::vector<NamedChoice> choices, std::function<std::string()> text,
                          std::function<void(size_t)> select);

template <typename E>
requires std::is_enum_v<E> Scalar make_scalar(E& value, const Rules& rules) {
  std::vector<NamedChoice> names{};
  for (const EnumName<E>& entry : enum_names<E>) {
    names.push_back({entry.name, entry.help});
  }
  return make_choice_scalar(
      std::move(names), [&value] { return std::string(enum_name(value)); },
      [&value](size_t index) { value = enum_names<E>[index].value; });
}

}  // namespace compress::config
