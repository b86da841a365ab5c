#pragma once

#include <torch/extension.h>

#include "bindings/module.h"
#include "compress/recipe/method.h"

namespace compress::bindings {

/// A Python module as the methods of a recipe see it. `network` is compress_ext's own class
/// (compress_ext/_network.py), which names every call made here; each takes the GIL.
recipe::Attachment make_attachment(const py::object& network, const RunLength& run);

}  // namespace compress::bindings
