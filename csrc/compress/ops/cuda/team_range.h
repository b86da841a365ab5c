#pragma once

#include "compress/ops/cuda/team.h"
#include "compress/ops/math/observe_min_max.h"

// For .cu files.

namespace compress::cuda {

/// The integer that shuffles move a key as.
template <typename Int>
struct ShuffledAs {
  using type = int;
};
template <>
struct ShuffledAs<int64_t> {
  using type = long long;
};

template <typename Int>
__device__ __forceinline__ Int of_lane_below(Int key, int distance) {
  return static_cast<Int>(
      __shfl_down_sync(0xffffffffu, static_cast<typename ShuffledAs<Int>::type>(key), static_cast<unsigned>(distance)));
}

/// One that was stored; of nothing, too.
template <typename Int>
__device__ __forceinline__ math::KeyRange<Int> key_range(Int low, Int high) {
  math::KeyRange<Int> range;
  range.low = low;
  range.high = high;
  return range;
}

/// The range over the team, valid in lane 0. All threads of the warp, or block, call it together.
template <typename Int>
__device__ math::KeyRange<Int> team_range(const Team& team, math::KeyRange<Int> range) {
  for (int distance = team.lanes() / 2; distance > 0; distance /= 2) {
    range.take(key_range(of_lane_below(range.low, distance), of_lane_below(range.high, distance)));
  }
  if (team.is_block()) {
    __shared__ Int lows[block_threads / warp_threads];
    __shared__ Int highs[block_threads / warp_threads];
    __syncthreads();  // a former call may still read
    if (threadIdx.x % warp_threads == 0) {
      lows[threadIdx.x / warp_threads] = range.low;
      highs[threadIdx.x / warp_threads] = range.high;
    }
    __syncthreads();
    for (int warp = 0; threadIdx.x == 0 && warp < block_threads / warp_threads; ++warp) {
      range.take(key_range(lows[warp], highs[warp]));
    }
  }
  return range;
}

}  // namespace compress::cuda
