#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress {

// The words for enumerators and types that configs, messages and Python share, each beside what it names.

/// An enumerator's word, and what it means.
template <typename E>
struct EnumName {
  E value;
  const char* name;
  const char* help;
};

/// All words of an enumeration: a specialisation beside each, an array of EnumName<E> in the enumerators' order.
template <typename E>
inline constexpr int enum_names = 0;

template <typename E>
const char* enum_name(E value) {
  for (const EnumName<E>& entry : enum_names<E>) {
    if (entry.value == value) {
      return entry.name;
    }
  }
  fail("enumerator ", static_cast<int>(value), " has no name");
}

/// `argument` leads the message of the UsageError for an unknown word: "QuantizerOptions: scale".
template <typename E>
E enum_from_name(std::string_view argument, std::string_view name) {
  std::vector<std::string> known;
  std::string allowed;
  for (const EnumName<E>& entry : enum_names<E>) {
    if (entry.name == name) {
      return entry.value;
    }
    known.emplace_back(entry.name);
    allowed += concat(allowed.empty() ? "" : ", ", entry.name);
  }
  fail<UsageError>(argument, ": unknown '", name, "' (allowed: ", allowed, ")", did_you_mean(name, known));
}

/// The word for a type that is one of several: `type: sgd`, or `prune:` in a recipe.
struct TypeName {
  const char* name;
  const char* help;
};

/// A specialisation beside each such type.
template <typename T>
inline constexpr int type_name = 0;

}  // namespace compress
