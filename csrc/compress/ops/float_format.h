#pragma once

#include <ATen/core/Tensor.h>

#include "compress/ops/math/float_format.h"

namespace compress {

/// Raises "op: ..." unless elements of this type, of an argument called `name`, have a float_format.
void check_float_format(const char* op, const char* name, at::ScalarType type);

/// The format of a type that has passed check_float_format.
math::FloatFormat float_format(at::ScalarType type);

}  // namespace compress
