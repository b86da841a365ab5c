#pragma once

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/core/mask_layout.h"

namespace compress::math {

/// A packed mask beside a contiguous tensor, as kernels take it. `bytes` null = everything is kept.
struct PackedMask {
  const uint8_t* bytes = nullptr;
  MaskLayout layout;

  /// Rows of whole bytes: the bits of all rows are one stream, and element e is bit e.
  COMPRESS_HOST_DEVICE bool is_one_stream() const { return layout.row % 8 == 0 || layout.rows == 1; }

  /// The bit of the element with this row-major number, counted from the first byte.
  COMPRESS_HOST_DEVICE int64_t bit_of(int64_t element) const {
    if (is_one_stream()) {
      return element;
    }
    const int64_t row = element / layout.row;
    return row * layout.row_bytes * 8 + (element - row * layout.row);
  }
};

}  // namespace compress::math
