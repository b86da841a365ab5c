#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace compress::bindings {

/// Options as the config parser takes them: a string is YAML, a dict or list is written as JSON, which YAML includes.
inline std::string yaml_text(const pybind11::object& options) {
  if (pybind11::isinstance<pybind11::str>(options)) {
    return options.cast<std::string>();
  }
  return pybind11::module_::import("json").attr("dumps")(options).cast<std::string>();
}

}  // namespace compress::bindings
