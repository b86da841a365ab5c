#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress {

/// Elements of one row of a tensor of these sizes: what size(0) rows (a vector or scalar is one row) hold each. `Int`
/// is int64_t, or torch's symbolic integer.
template <typename Int>
COMPRESS_HOST_DEVICE Int mask_row_elements(const Int* sizes, int64_t dims) {
  Int elements = 1;
  for (int64_t d = dims > 1 ? 1 : 0; d < dims; ++d) {
    elements = elements * sizes[d];
  }
  return elements;
}

/// Bytes that one row of this many elements takes in the packed mask.
template <typename Int>
COMPRESS_HOST_DEVICE Int mask_row_bytes(const Int& elements) {
  return (elements + 7) / 8;
}

/// How a packed mask lies beside its tensor: each row of `row` elements starts at a new byte and takes `row_bytes`
/// bytes. Bit i of byte j of a row is its element 8j + i. No torch types: kernels take it by value.
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

  /// Rows of whole bytes: the bits of all rows are one stream, and element e is bit e.
  COMPRESS_HOST_DEVICE bool is_one_stream() const { return row % 8 == 0 || rows == 1; }

  /// The bit of the element with this row-major number, counted from the first byte.
  COMPRESS_HOST_DEVICE int64_t bit_of(int64_t element) const {
    if (is_one_stream()) {
      return element;
    }
    const int64_t in_row = element / row;
    return in_row * row_bytes * 8 + (element - in_row * row);
  }
};

/// The layout for a contiguous tensor of these sizes.
COMPRESS_HOST_DEVICE MaskLayout make_mask_layout(const int64_t* sizes, int64_t dims) {
  MaskLayout layout;
  layout.rows = dims > 1 ? sizes[0] : 1;
  layout.row = mask_row_elements(sizes, dims);
  layout.row_bytes = mask_row_bytes(layout.row);
  return layout;
}

/// A packed mask beside a contiguous tensor, as kernels take it. `bytes` null = everything is kept.
struct PackedMask {
  const uint8_t* bytes = nullptr;
  MaskLayout layout;
};

}  // namespace compress
