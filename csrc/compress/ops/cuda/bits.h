#pragma once

#include <cstdint>

#include "compress/core/mask_layout.h"

namespace compress::cuda {

/// Eight neighbouring elements, the ones of one mask byte, in loads and stores of up to 16 bytes.
template <typename T>
struct alignas(8 * sizeof(T) < 16 ? 8 * sizeof(T) : 16) Eight {
  T values[8];
};

/// Whether all rows are one stream of whole bytes whose eights lie aligned, so that Eight<T> can be loaded from `data`.
template <typename T>
__host__ __device__ bool has_aligned_eights(const void* data, const MaskLayout& layout) {
  return layout.row % 8 == 0 && reinterpret_cast<uintptr_t>(data) % alignof(Eight<T>) == 0;
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
