#include "bindings/named_tensors.h"

#include <torch/extension.h>

#include "compress/core/error.h"

namespace compress::bindings {

namespace py = pybind11;

NamedTensors named_tensors_from_dict(const py::dict& dict) {
  NamedTensors result;
  result.reserve(dict.size());
  for (const auto& [key, value] : dict) {
    if (!py::isinstance<py::str>(key)) {
      throw py::type_error(concat("tensors: a key is of type ", Py_TYPE(key.ptr())->tp_name, " (expected str)"));
    }
    const auto name = key.cast<std::string>();
    if (!THPVariable_Check(value.ptr())) {
      throw py::type_error(
          concat("tensors: '", name, "' is of type ", Py_TYPE(value.ptr())->tp_name, " (expected torch.Tensor)"));
    }
    result.emplace_back(name, value.cast<at::Tensor>());
  }
  return result;
}

py::dict dict_from_named_tensors(const NamedTensors& tensors) {
  py::dict result;
  for (const auto& [name, tensor] : tensors) {
    result[py::str(name)] = tensor;
  }
  return result;
}

}  // namespace compress::bindings
