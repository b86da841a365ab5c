#pragma once

#include <algorithm>
#include <vector>

#include "compress/core/mask_layout.h"
#include "compress/ops/cpu/work_list.h"

namespace compress::cpu {

/// Where there is no padding all rows are one.
inline MaskLayout with_rows_joined(const MaskLayout& layout) {
  return layout.is_one_stream() ? MaskLayout{1, layout.rows * layout.row, layout.rows * layout.row_bytes} : layout;
}

/// Calls body(element, byte, elements) for the pieces of rows that bytes begin..end of the mask hold: `elements`
/// neighbours from `element` on in the tensor, whose bits begin at `byte` of the mask.
template <typename Body>
void over_mask_bytes(const MaskLayout& layout, int64_t begin, int64_t end, const Body& body) {
  for (int64_t byte = begin; byte < end;) {
    const int64_t row = byte / layout.row_bytes;
    const int64_t column = byte % layout.row_bytes;
    const int64_t bytes = std::min(end - byte, layout.row_bytes - column);
    body(row * layout.row + 8 * column, byte, std::min(8 * bytes, layout.row - 8 * column));
    byte += bytes;
  }
}

/// over_mask_bytes for the whole mask, in parallel. Every byte of the mask belongs to exactly one piece.
template <typename Body>
void parallel_over_mask(const MaskLayout& of_tensor, const Body& body) {
  const MaskLayout layout = with_rows_joined(of_tensor);
  constexpr int64_t grain_bytes = 4096;  // 32768 elements
  at::parallel_for(0, layout.bytes(), grain_bytes,
                   [&](int64_t begin, int64_t end) { over_mask_bytes(layout, begin, end, body); });
}

/// The same for many masks in one parallel region: body(tensor, element, byte, elements).
template <typename Body>
void parallel_over_masks(std::vector<MaskLayout> layouts, const Body& body) {
  WorkList work;
  for (MaskLayout& layout : layouts) {
    layout = with_rows_joined(layout);
    work.add(layout.bytes(), 8);
  }
  constexpr int64_t grain_elements = 32768;
  work.parallel(grain_elements, [&](size_t tensor, int64_t begin, int64_t end) {
    over_mask_bytes(layouts[tensor], begin, end,
                    [&](int64_t element, int64_t byte, int64_t elements) { body(tensor, element, byte, elements); });
  });
}

}  // namespace compress::cpu
