#pragma once

#include "compress/ops/math/float_format.h"

namespace compress::cuda {

/// Bytes of an element.
inline int bytes_of(math::FloatFormat format) {
  return format == math::FloatFormat::float64 ? 8 : (format == math::FloatFormat::float32 ? 4 : 2);
}

}  // namespace compress::cuda
