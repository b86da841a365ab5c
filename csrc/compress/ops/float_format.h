#pragma once

#include <c10/core/ScalarType.h>

#include "compress/ops/math/float_order.h"

namespace compress {

inline bool has_float_format(at::ScalarType type) {
  return type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16;
}

/// The format of a type that has_float_format.
inline math::FloatFormat float_format(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return math::FloatFormat::float64;
    case at::kHalf:
      return math::FloatFormat::float16;
    case at::kBFloat16:
      return math::FloatFormat::bfloat16;
    default:
      return math::FloatFormat::float32;
  }
}

}  // namespace compress
