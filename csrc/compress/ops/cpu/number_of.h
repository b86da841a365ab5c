#pragma once

#include <c10/core/ScalarType.h>

#include "compress/ops/cpu/isa/number.h"

namespace compress::cpu {

/// The kernels' name of one of the four floating types that operators take.
inline Number number_of(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return Number::float64;
    case at::kHalf:
      return Number::float16;
    case at::kBFloat16:
      return Number::bfloat16;
    default:
      return Number::float32;
  }
}

}  // namespace compress::cpu
