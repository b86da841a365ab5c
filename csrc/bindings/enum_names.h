#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compress/config/choices.h"
#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::bindings {

/// Python writes a choice as the same word as the YAML file. `argument` leads the message of the UsageError for an
/// unknown word: "QuantizerOptions: scale".
template <typename Enum>
Enum enum_from_name(std::string_view argument, const std::string& name) {
  std::vector<std::string> known;
  std::string allowed;
  for (const config::Choice<Enum>& choice : config::choices<Enum>) {
    if (choice.name == name) {
      return choice.value;
    }
    known.emplace_back(choice.name);
    allowed += concat(allowed.empty() ? "" : ", ", choice.name);
  }
  fail<UsageError>(argument, ": unknown '", name, "' (allowed: ", allowed, ")", did_you_mean(name, known));
}

}  // namespace compress::bindings
