#pragma once

#include <ATen/core/Tensor.h>

#include "compress/core/block_geometry.h"

namespace compress {

/// Raises "op: ..." unless `scale` (called `name` in the message) is a scalar or has x's rank with each size dividing
/// x's. Sizes may be symbolic.
void check_granularity(const char* op, const char* name, const at::Tensor& scale, const at::Tensor& x);

/// The geometry of a contiguous x; the shapes have passed check_granularity.
BlockGeometry block_geometry(at::IntArrayRef x_sizes, at::IntArrayRef scale_sizes);

}  // namespace compress
