#pragma once

#include <string>
#include <vector>

#include "compress/config/config.h"
#include "core/temp_folder.h"

namespace compress::config::test {

/// The blocks that every experiment needs, on lines 1 and 2.
inline const std::string minimal = "data: {type: digits}\nmodel: {type: convnet, width: 24}\n";

/// minimal + `more`, whose first line is line 3 of x.yaml.
inline train::Experiment parse(const std::string& more, const std::vector<std::string>& overrides = {}) {
  return parse_experiment(minimal + more, "x.yaml", overrides);
}

/// The one line that parse(more) answers with.
inline std::string error(const std::string& more, const std::vector<std::string>& overrides = {}) {
  return compress::test::error_of<UsageError>([&] { parse(more, overrides); });
}

/// The same for a recipe's one method, on line 2, such as "prune: {sparsity: 2}".
inline std::string method_error(const std::string& method) {
  return compress::test::error_of<UsageError>([&] { parse_recipe("compression:\n- " + method, "r.yaml"); });
}

template <typename Method>
Method parse_method(const std::string& method) {
  return std::get<Method>(parse_recipe("- " + method, "r.yaml").at(0));
}

}  // namespace compress::config::test
