#include <torch/extension.h>

#include "bindings/module.h"
#include "bindings/named_tensors.h"
#include "compress/core/safetensors.h"
#include "compress/export/packed.h"
#include "compress/models/weights.h"

namespace compress::bindings {
namespace {

namespace fs = std::filesystem;

NamedTensors read_checkpoint(const fs::path& path) {
  const fs::path file = models::find_weights(path);
  SafetensorsFile content = load_safetensors(file);
  return is_packed(content) ? decode_packed(content, file.string()) : std::move(content.tensors);
}

NamedTensors read_packed(const fs::path& path) {
  return decode_packed(load_safetensors(path), path.string());
}

template <NamedTensors read(const fs::path&)>
py::dict load(const fs::path& path) {
  NamedTensors tensors;
  {
    const py::gil_scoped_release release;
    tensors = read(path);
  }
  return dict_from_named_tensors(tensors);
}

}  // namespace

void def_export(py::module_& module) {
  module.def("load_checkpoint", &load<read_checkpoint>, py::arg("path"));
  module.def("load_packed", &load<read_packed>, py::arg("path"));
}

}  // namespace compress::bindings
