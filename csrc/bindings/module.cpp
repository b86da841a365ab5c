#include "bindings/module.h"

PYBIND11_MODULE(_C, module) {
  module.doc() = "The C++ side of compress_ext; use it through the package's own names.";
  compress::bindings::def_core(module);
  compress::bindings::def_quant(module);
  compress::bindings::def_prune(module);
  compress::bindings::def_distill(module);
  compress::bindings::def_models(module);
  compress::bindings::def_recipe(module);
  compress::bindings::def_export(module);
  compress::bindings::def_report(module);
  compress::bindings::def_config(module);
  compress::bindings::def_data(module);
  // Their signatures name Config and Network.
  compress::bindings::def_train(module);
  compress::bindings::def_job(module);
}
