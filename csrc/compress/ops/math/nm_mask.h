#pragma once

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/float_order.h"

namespace compress::math {

constexpr int max_group = 16;

/// Which elements of a contiguous tensor form groups: in every chunk of m * inner neighbours, those `inner` apart.
/// inner is 1 where groups run along the last dimension, kh * kw for a conv weight [C, I, kh, kw].
struct NmGroups {
  int n = 0;
  int m = 1;
  int64_t inner = 1;

  COMPRESS_HOST_DEVICE int64_t chunk() const { return m * inner; }
};

/// magnitude_key with every NaN alike, beyond infinity: `nan_key` is infinity's bits + 1.
template <typename Int>
COMPRESS_HOST_DEVICE Int nm_key(Int bits, Int nan_key) {
  const Int key = magnitude_key(bits);
  return key < nan_key ? key : nan_key;
}

/// How many of a group's elements go before the i-th: the larger ones, and of equal ones those that come first. The n
/// elements of rank 0..n - 1 are kept. key(j) is the group's j-th nm_key.
template <typename Key>
COMPRESS_HOST_DEVICE int nm_rank(int i, int m, const Key& key) {
  int rank = 0;
  for (int j = 0; j < m; ++j) {
    rank += j < i ? key(j) >= key(i) : key(j) > key(i);
  }
  return rank;
}

}  // namespace compress::math
