#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace compress::quant {

/// The lower (100 - percentile) and upper `percentile` of x, exact, one pair per block of `like`'s granularity (see
/// fake_quantize); both of like's shape, float32. percentile in (50, 100]; 100 = minimum and maximum.
/// The k-th of n values is taken with k = ceil(percentile / 100 * n): 99 % of 200 values is the 198th smallest.
std::tuple<at::Tensor, at::Tensor> percentile_range(const at::Tensor& x, const at::Tensor& like, double percentile);

}  // namespace compress::quant
