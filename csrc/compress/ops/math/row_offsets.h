#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::math {

/// Where each row of a tensor [..., V] begins, in elements, when the rows themselves are contiguous: slices such as
/// logits[:, :-1] or logits[..., :V] need no copy.
struct RowOffsets {
  static constexpr int max_dims = 8;

  int dims = 0;  ///< outer dimensions, outermost first
  int64_t size[max_dims] = {};
  int64_t stride[max_dims] = {};

  COMPRESS_HOST_DEVICE int64_t operator()(int64_t row) const {
    int64_t offset = 0;
    for (int d = dims - 1; d > 0; --d) {
      offset += row % size[d] * stride[d];
      row /= size[d];
    }
    return dims > 0 ? offset + row * stride[0] : 0;
  }
};

}  // namespace compress::math
