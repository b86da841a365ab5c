#pragma once

#include <cmath>
#include <limits>

#include "compress/core/macros.h"
#include "compress/ops/math/float_order.h"

namespace compress::math {

/// The least and the greatest order_key seen; of nothing: the integers' own ends.
template <typename Int>
struct KeyRange {
  Int low = std::numeric_limits<Int>::max();
  Int high = std::numeric_limits<Int>::min();

  COMPRESS_HOST_DEVICE void take(Int key) {
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  COMPRESS_HOST_DEVICE void take(const KeyRange& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
  }
  /// `infinity`: the bits of +infinity. NaN sorts beyond it, so that one look at the ends finds it.
  COMPRESS_HOST_DEVICE bool holds_nan(Int infinity) const {
    return high > infinity || low < order_key(static_cast<Int>(infinity | std::numeric_limits<Int>::min()));
  }
};

struct Range {
  float min;
  float max;
};

/// The values of a range that took at least one key, rounded to float32; both NaN where one element was NaN.
template <typename Int>
COMPRESS_HOST_DEVICE Range range_of_keys(const KeyRange<Int>& keys, FloatFormat format) {
  if (keys.holds_nan(static_cast<Int>(infinity_bits(format)))) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    return {nan, nan};
  }
  return {static_cast<float>(value_of_bits(order_key(keys.low), format)),
          static_cast<float>(value_of_bits(order_key(keys.high), format))};
}

COMPRESS_HOST_DEVICE float averaged(float state, float batch, float averaging) {
#if defined(__CUDA_ARCH__)  // torch rounds the product; a fused multiply-add would not
  return __fadd_rn(state, __fmul_rn(averaging, __fsub_rn(batch, state)));
#else
  return state + averaging * (batch - state);
#endif
}

/// The observer state after a batch of this range (both NaN where the batch holds NaN). averaging 0 = running minimum
/// and maximum, which keep NaN as torch.min and torch.max do.
COMPRESS_HOST_DEVICE Range observed(Range state, Range batch, float averaging) {
  const float infinity = std::numeric_limits<float>::infinity();
  if (state.min == infinity && state.max == -infinity) {
    return batch;
  }
  if (averaging > 0.0f) {
    return {averaged(state.min, batch.min, averaging), averaged(state.max, batch.max, averaging)};
  }
  const bool keeps_min = state.min <= batch.min || std::isnan(state.min);
  const bool keeps_max = state.max >= batch.max || std::isnan(state.max);
  return {keeps_min ? state.min : batch.min, keeps_max ? state.max : batch.max};
}

}  // namespace compress::math
