#pragma once

#include <ATen/core/Tensor.h>

#include "compress/ops/math/row_offsets.h"

namespace compress {

/// A tensor [..., V] whose rows a kernel reads where they are; a copy only where rows are not contiguous.
class LogitRows {
 public:
  explicit LogitRows(const at::Tensor& logits);

  const void* data() const { return tensor_.const_data_ptr(); }
  const math::RowOffsets& offsets() const { return offsets_; }

 private:
  at::Tensor tensor_;
  math::RowOffsets offsets_;
};

}  // namespace compress
