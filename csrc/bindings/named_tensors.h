#pragma once

#include <pybind11/pybind11.h>

#include "compress/core/named_tensors.h"

namespace compress::bindings {

/// A dict[str, Tensor] as the engines take it, in the dict's order. Raises TypeError that names the entry.
NamedTensors named_tensors_from_dict(const pybind11::dict& dict);

/// The same tensors, not copies.
pybind11::dict dict_from_named_tensors(const NamedTensors& tensors);

}  // namespace compress::bindings
