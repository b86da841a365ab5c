#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress {

/// How a packed mask lies beside its tensor: each row of `row` elements (size(0) rows; a vector or scalar is one row)
/// starts at a new byte and takes `row_bytes` bytes. Bit i of byte j of a row is its element 8j + i. No torch types:
/// kernels take it by value.
struct MaskLayout {
  int64_t rows = 1;
  int64_t row = 1;
  int64_t row_bytes = 1;

  COMPRESS_HOST_DEVICE int64_t bytes() const { return rows * row_bytes; }

  /// Elements that byte `column` of a row holds: 8, or what is left in the row's last byte.
  COMPRESS_HOST_DEVICE int elements_of_byte(int64_t column) const {
    const int64_t left = row - 8 * column;
    return left < 8 ? static_cast<int>(left) : 8;
  }
};

/// The layout for a contiguous tensor of these sizes.
COMPRESS_HOST_DEVICE MaskLayout make_mask_layout(const int64_t* sizes, int64_t dims) {
  MaskLayout layout;
  if (dims > 1) {
    layout.rows = sizes[0];
  }
  for (int64_t d = dims > 1 ? 1 : 0; d < dims; ++d) {
    layout.row *= sizes[d];
  }
  layout.row_bytes = (layout.row + 7) / 8;
  return layout;
}

}  // namespace compress
