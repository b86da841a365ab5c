#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// The bool tensor of shape `sizes` that `mask` was packed from (see pack_mask).
at::Tensor unpack_mask(const at::Tensor& mask, at::IntArrayRef sizes);

}  // namespace compress
