#include "compress/ops/logit_rows.h"

namespace compress {
namespace {

bool rows_are_contiguous(const at::Tensor& logits) {
  return (logits.size(-1) == 1 || logits.stride(-1) == 1) && logits.dim() - 1 <= math::RowOffsets::max_dims;
}

// Outer dimensions that one stride walks through are merged: most tensors end with one, and need no division.
math::RowOffsets row_offsets(const at::Tensor& logits) {
  math::RowOffsets offsets;
  for (int64_t d = 0; d + 1 < logits.dim(); ++d) {
    const int64_t size = logits.size(d);
    const int64_t stride = logits.stride(d);
    if (size == 1) {
      continue;
    }
    const int last = offsets.dims - 1;
    if (last >= 0 && offsets.stride[last] == size * stride) {
      offsets.size[last] *= size;
      offsets.stride[last] = stride;
    } else {
      offsets.size[offsets.dims] = size;
      offsets.stride[offsets.dims++] = stride;
    }
  }
  return offsets;
}

}  // namespace

LogitRows::LogitRows(const at::Tensor& logits)
    : tensor_(rows_are_contiguous(logits) ? logits : logits.reshape({-1, logits.size(-1)}).contiguous()),
      offsets_(row_offsets(tensor_)) {}

}  // namespace compress
