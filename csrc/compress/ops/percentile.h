#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// Raises "op: ..." unless percentile is in (50, 100].
void check_percentile(const char* op, double percentile);

/// The lower (100 - percentile) and upper `percentile` of x, exact, as [scales, 2] float32: one row per block of a
/// scale of sizes `scale_sizes` (see fake_quantize). percentile in (50, 100]; 100 = minimum and maximum.
/// The k-th of n values is taken with k = ceil(percentile / 100 * n): 99 % of 200 values is the 198th smallest.
at::Tensor percentile_ranges(const at::Tensor& x, at::IntArrayRef scale_sizes, double percentile);

}  // namespace compress
