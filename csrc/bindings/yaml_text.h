#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace compress::bindings {

/// Python's None is a config's `none`, which takes a block away; YAML's null would leave the default.
inline pybind11::object with_none_as_text(const pybind11::object& value) {
  if (value.is_none()) {
    return pybind11::str("none");
  }
  if (pybind11::isinstance<pybind11::dict>(value)) {
    pybind11::dict result;
    for (const auto& [key, item] : value.cast<pybind11::dict>()) {
      result[key] = with_none_as_text(pybind11::reinterpret_borrow<pybind11::object>(item));
    }
    return result;
  }
  if (pybind11::isinstance<pybind11::list>(value) || pybind11::isinstance<pybind11::tuple>(value)) {
    pybind11::list result;
    for (const pybind11::handle item : value) {
      result.append(with_none_as_text(pybind11::reinterpret_borrow<pybind11::object>(item)));
    }
    return result;
  }
  return value;
}

/// Options as the config parser takes them: a string is YAML, a dict or list is written as JSON, which YAML includes.
inline std::string yaml_text(const pybind11::object& options) {
  if (pybind11::isinstance<pybind11::str>(options)) {
    return options.cast<std::string>();
  }
  return pybind11::module_::import("json").attr("dumps")(with_none_as_text(options)).cast<std::string>();
}

}  // namespace compress::bindings
