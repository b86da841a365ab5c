#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// Packs a bool tensor to one bit per element, row by row so that the mask shards with its weight: uint8
/// [size(0), ceil(row / 8)], or [ceil(n / 8)] for a vector; a scalar is a vector of one. Bit i of byte j is element
/// 8j + i of the row in row-major order; padding bits are 0.
at::Tensor pack_mask(const at::Tensor& mask);

}  // namespace compress
