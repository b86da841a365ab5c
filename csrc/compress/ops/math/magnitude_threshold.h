#pragma once

#include <cmath>
#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/float_order.h"

namespace compress::math {

/// Radix selection looks at magnitude keys from the top, `radix_bits` at a time: each pass counts the next digit of the
/// keys that share the digits found so far. float32's 31 bits take 3 passes, 16-bit types 2, float64 6.
inline constexpr int radix_bits = 11;
inline constexpr int radix_bins = 1 << radix_bits;

/// The digit that one pass counts: bits [shift, shift + width) of the key.
struct RadixDigit {
  int shift;
  int width;

  template <typename Int>
  COMPRESS_HOST_DEVICE bool shares_prefix(Int key, Int prefix) const {
    return ((key ^ prefix) >> (shift + width)) == 0;
  }
  template <typename Int>
  COMPRESS_HOST_DEVICE int of(Int key) const {
    return static_cast<int>(key >> shift) & ((1 << width) - 1);
  }
};

/// The digit below bit `end` of the key.
COMPRESS_HOST_DEVICE RadixDigit digit_below(int end) {
  const int width = end < radix_bits ? end : radix_bits;
  return {end - width, width};
}

/// The rank (from 1) to select: sparsity * elements, halves rounded away from zero. 0 = nothing to prune.
COMPRESS_HOST_DEVICE int64_t pruned_count(double sparsity, int64_t elements) {
  const double count = std::round(sparsity * static_cast<double>(elements));
  return count < static_cast<double>(elements) ? static_cast<int64_t>(count) : elements;
}

/// The selected key as a float32 threshold. A float64 magnitude is rounded up, so that it is pruned itself.
COMPRESS_HOST_DEVICE float threshold_of_key(int64_t key, FloatFormat format) {
  const double magnitude = value_of_bits(key, format);
  const float nearest = static_cast<float>(magnitude);
  return static_cast<double>(nearest) < magnitude ? nextafterf(nearest, INFINITY) : nearest;
}

}  // namespace compress::math
