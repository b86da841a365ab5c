#pragma once

#include <pybind11/pybind11.h>

namespace compress::bindings {

namespace py = pybind11;

// One function per folder of csrc/compress. Every call that touches tensors' data releases the GIL:
// py::call_guard<py::gil_scoped_release>(), or a gil_scoped_release around the work where Python objects are converted.
void def_core(py::module_& module);
void def_quant(py::module_& module);
void def_prune(py::module_& module);
void def_distill(py::module_& module);
void def_recipe(py::module_& module);
void def_models(py::module_& module);
void def_export(py::module_& module);
void def_report(py::module_& module);
void def_config(py::module_& module);
void def_data(py::module_& module);
void def_train(py::module_& module);
void def_job(py::module_& module);

}  // namespace compress::bindings
