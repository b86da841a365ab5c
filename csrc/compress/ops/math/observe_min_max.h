#pragma once

#include <cmath>
#include <limits>

#include "compress/core/macros.h"
#include "compress/ops/math/float_order.h"

namespace compress::math {

/// The least and the greatest order_key seen; of nothing: the integers' own ends.
template <typename Int>
struct KeyRange {
  static constexpr Int lowest = std::numeric_limits<Int>::min();
  static constexpr Int highest = std::numeric_limits<Int>::max();
  Int low = highest;
  Int high = lowest;

  COMPRESS_HOST_DEVICE void take(Int key) {
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  COMPRESS_HOST_DEVICE void take(const KeyRange& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
  }
};

struct Range {
  float min;
  float max;
};

/// Both NaN where one end is: NaN sorts beyond infinity, so that the ends hold it.
COMPRESS_HOST_DEVICE Range range_of_ends(float min, float max) {
  const bool nan = std::isnan(min) | std::isnan(max);
  return {nan ? NAN : min, nan ? NAN : max};
}

/// The values of a range that took at least one key, rounded to float32; both NaN where one element was NaN.
template <typename Int>
COMPRESS_HOST_DEVICE Range range_of_keys(const KeyRange<Int>& keys, FloatFormat format) {
  return range_of_ends(static_cast<float>(value_of_bits(order_key(keys.low), format)),
                       static_cast<float>(value_of_bits(order_key(keys.high), format)));
}

// Product and sum are rounded one by one, as torch does: compile without contraction.
COMPRESS_HOST_DEVICE float averaged(float state, float batch, float averaging) {
  return state + averaging * (batch - state);
}

/// The observer state after a batch of this range (both NaN where the batch holds NaN). averaging 0 = running minimum
/// and maximum, which keep NaN as torch.min and torch.max do. Without branches, so that loops over scales vectorise.
COMPRESS_HOST_DEVICE Range observed(Range state, Range batch, float averaging) {
  const bool first = (state.min == INFINITY) & (state.max == -INFINITY);
  const bool keeps_min = (state.min <= batch.min) | std::isnan(state.min);
  const bool keeps_max = (state.max >= batch.max) | std::isnan(state.max);
  const float running_min = keeps_min ? state.min : batch.min;
  const float running_max = keeps_max ? state.max : batch.max;
  const bool averages = averaging > 0.0f;
  const float min = averages ? averaged(state.min, batch.min, averaging) : running_min;
  const float max = averages ? averaged(state.max, batch.max, averaging) : running_max;
  return {first ? batch.min : min, first ? batch.max : max};
}

}  // namespace compress::math
