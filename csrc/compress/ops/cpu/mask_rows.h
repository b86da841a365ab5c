#pragma once

#include <algorithm>

#include "compress/core/mask_layout.h"
#include "compress/ops/cpu/parallel.h"

namespace compress::cpu {

/// Calls body(element, byte, elements) for pieces of rows, in parallel: `elements` neighbours from `element` on in the
/// tensor, whose bits begin at `byte` of the mask. Every byte of the mask belongs to exactly one piece.
template <typename Body>
void parallel_over_mask(MaskLayout layout, const Body& body) {
  if (layout.is_one_stream()) {  // no padding: all rows are one
    layout = {1, layout.rows * layout.row, layout.rows * layout.row_bytes};
  }
  constexpr int64_t grain_bytes = 4096;  // 32768 elements
  at::parallel_for(0, layout.bytes(), grain_bytes, [&](int64_t begin, int64_t end) {
    for (int64_t byte = begin; byte < end;) {
      const int64_t row = byte / layout.row_bytes;
      const int64_t column = byte % layout.row_bytes;
      const int64_t bytes = std::min(end - byte, layout.row_bytes - column);
      body(row * layout.row + 8 * column, byte, std::min(8 * bytes, layout.row - 8 * column));
      byte += bytes;
    }
  });
}

}  // namespace compress::cpu
