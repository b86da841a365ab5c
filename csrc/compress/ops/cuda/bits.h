#pragma once

#include <cstdint>

#include "compress/core/mask_layout.h"

namespace compress::cuda {

/// Whether the elements of every mask byte are eight bytes that lie aligned.
inline bool has_aligned_eights(const bool* mask, const MaskLayout& layout) {
  return layout.row % 8 == 0 && reinterpret_cast<uintptr_t>(mask) % 8 == 0;
}

/// The elements of mask byte `byte`: where they begin, and how many.
struct ByteSpan {
  int64_t element;
  int count;
};

__device__ __forceinline__ ByteSpan span_of_byte(const MaskLayout& layout, int64_t byte) {
  const int64_t row = byte / layout.row_bytes;
  const int64_t column = byte - row * layout.row_bytes;
  return {row * layout.row + 8 * column, layout.elements_of_byte(column)};
}

}  // namespace compress::cuda
