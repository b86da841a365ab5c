#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// One step of an observer: takes x's range into min and max, then scale and zero_point from the range, all in place,
/// in one pass over x and without host synchronisation. Equal bit for bit to observe_min_max_ and choose_qparams.
///
/// min, max     float32, of one shape that says the granularity as fake_quantize's scale does; +inf and -inf before the
///              first observation, which is then taken as it is
/// scale        float32, of min's shape
/// zero_point   int32, int64 or float32, of min's shape; 0 where symmetric. None only where symmetric
/// x            float32, float64, float16 or bfloat16, any strides; taken as a constant of the graph
/// averaging    0 = running minimum and maximum; in (0, 1] = exponential average, state += averaging * (batch - state)
/// forget       starts from an empty range: the state becomes x's own range (weights, which shrink as they train)
/// percentile   in (50, 100]: the observer sees the lower (100 - percentile) and upper `percentile` of each block, the
///              k-th of n values with k = ceil(percentile / 100 * n), exact; below 100 this costs a selection
/// fold_factor  of any float type, of x's rank, each size 1 or x's: the observer sees x * fold_factor in float32, a
///              weight with its batch norm folded in (batch_norm_fold_factor). Where each scale has one factor no
///              product is made: its range is multiplied. None = 1
///
/// NaN in x makes the range and the scale NaN, so that divergence is seen. An empty x changes nothing.
void observe_qparams_(at::Tensor& min, at::Tensor& max, at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                      const at::Tensor& x, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging = 0.0,
                      bool forget = false, double percentile = 100.0,
                      const std::optional<at::Tensor>& fold_factor = std::nullopt);

}  // namespace compress
