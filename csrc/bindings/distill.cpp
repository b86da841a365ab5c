#include <torch/extension.h>

#include "bindings/module.h"
#include "compress/core/names.h"
#include "compress/distill/losses.h"

namespace compress::bindings {

void def_distill(py::module_& module) {
  module.def(
      "feature_loss",
      [](const at::Tensor& student, const at::Tensor& teacher, const std::string& kind) {
        return distill::feature_loss(student, teacher,
                                     enum_from_name<distill::FeatureLoss>("feature_loss: kind", kind));
      },
      py::arg("student"), py::arg("teacher"), py::arg("kind"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace compress::bindings
