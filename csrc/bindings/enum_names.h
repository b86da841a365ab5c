#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::bindings {

/// Python writes a choice as the same word as the YAML file; a table of these says which words there are.
template <typename Enum, size_t N>
using EnumNames = std::array<std::pair<std::string_view, Enum>, N>;

template <typename Enum, size_t N>
Enum enum_from_name(const EnumNames<Enum, N>& names, std::string_view argument, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [word, value] : names) {
    if (word == name) {
      return value;
    }
    known.emplace_back(word);
  }
  std::string allowed;
  for (const std::string& word : known) {
    allowed += (allowed.empty() ? "" : ", ") + word;
  }
  fail<UsageError>(argument, ": unknown '", name, "' (allowed: ", allowed, ")", did_you_mean(name, known));
}

template <typename Enum, size_t N>
std::string name_from_enum(const EnumNames<Enum, N>& names, Enum value) {
  for (const auto& [word, candidate] : names) {
    if (candidate == value) {
      return std::string(word);
    }
  }
  fail("a value without a name");
}

}  // namespace compress::bindings
