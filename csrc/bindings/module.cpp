#include "bindings/module.h"

PYBIND11_MODULE(_C, module) {
  module.doc() = "The C++ side of compress_ext; use it through the package's own names.";
  compress::bindings::def_core(module);
  compress::bindings::def_prune(module);
}
