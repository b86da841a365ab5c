#include <pybind11/operators.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <torch/extension.h>

#include <map>
#include <string>
#include <utility>

#include "bindings/module.h"
#include "bindings/named_tensors.h"
#include "compress/core/error.h"
#include "compress/core/format.h"
#include "compress/core/freed_memory.h"
#include "compress/core/nearest_name.h"
#include "compress/core/safetensors.h"

namespace compress::bindings {
namespace {

using Metadata = std::map<std::string, std::string>;

void raise(const char* class_name, const char* message) {
  // The classes are Python's (compress_ext/errors.py): they have docstrings, can be pickled, and UsageError is also a
  // ValueError, which PyErr_NewException could not say as readably.
  py::set_error(py::module_::import("compress_ext.errors").attr(class_name), message);
}

void translate(std::exception_ptr error) {
  try {
    if (error) {
      std::rethrow_exception(error);
    }
  } catch (const UsageError& e) {
    raise("UsageError", e.what());
  } catch (const Error& e) {
    raise("Error", e.what());
  } catch (const c10::Error& e) {
    // what() would append a C++ backtrace to the one line.
    py::set_error(PyExc_RuntimeError, e.what_without_backtrace());
  }
}

void save(const std::filesystem::path& path, const py::dict& tensors, const Metadata& metadata) {
  const NamedTensors named = named_tensors_from_dict(tensors);
  const py::gil_scoped_release release;
  save_safetensors(path, named, metadata);
}

std::pair<py::dict, Metadata> load(const std::filesystem::path& path) {
  SafetensorsFile file;
  {
    const py::gil_scoped_release release;
    file = load_safetensors(path);
  }
  return {dict_from_named_tensors(file.tensors), std::move(file.metadata)};
}

IntegerFormat integer_format(const std::string& name) {
  const std::optional<IntegerFormat> format = parse_integer_format(name);
  check<UsageError>(format.has_value(), "IntegerFormat: unknown format '", name, "' (allowed: int", min_integer_bits,
                    " to int", max_integer_bits, ")");
  return *format;
}

}  // namespace

void def_core(py::module_& module) {
  py::register_local_exception_translator(translate);

  module.def("save_safetensors", &save, py::arg("path"), py::arg("tensors"), py::arg("metadata") = Metadata{});
  module.def("load_safetensors", &load, py::arg("path"));
  module.def("keep_freed_memory", &keep_freed_memory);
  module.def("nearest_names", &nearest_names, py::arg("name"), py::arg("names"), py::arg("count"));

  py::class_<IntegerFormat>(module, "IntegerFormat",
                            "An integer grid: IntegerFormat('int2') ... IntegerFormat('int8').")
      .def(py::init(&integer_format), py::arg("name"))
      .def_property_readonly("name", &IntegerFormat::name)
      .def_readonly("bits", &IntegerFormat::bits)
      .def("quant_min", &IntegerFormat::quant_min, py::arg("narrow"),
           "Smallest integer; narrow leaves out the one without a positive twin (int8: -127 instead of -128).")
      .def("quant_max", &IntegerFormat::quant_max, "Largest integer.")
      .def(py::self == py::self)
      .def("__hash__", [](const IntegerFormat& self) { return self.bits; })
      .def("__repr__", [](const IntegerFormat& self) { return "IntegerFormat('" + self.name() + "')"; });
}

}  // namespace compress::bindings
