#pragma once

#include <cstdint>

#include "compress/ops/cuda/block_range.h"
#include "compress/ops/cuda/launch.h"

// For .cu files: loops whose threads have several loads in flight. A GPU hides the latency of memory by what is
// outstanding: an H100 needs about 20 KB per multiprocessor, which one 16-byte load per thread hardly gives.

namespace compress::cuda {

/// Items first, first + step, ... below `end`, `at_once` at a time: load(item) of all of them comes before use(item,
/// loaded) of the first.
template <int at_once, typename Load, typename Use>
__device__ __forceinline__ void over_items(int first, int step, int end, const Load& load, const Use& use) {
  for (; first < end; first += at_once * step) {
    decltype(load(0)) loaded[at_once];
#pragma unroll
    for (int k = 0; k < at_once; ++k) {
      if (first + k * step < end) {
        loaded[k] = load(first + k * step);
      }
    }
#pragma unroll
    for (int k = 0; k < at_once; ++k) {
      if (first + k * step < end) {
        use(first + k * step, loaded[k]);
      }
    }
  }
}

/// `items` spread over blocks in tiles of neighbours, at_once a thread: load(item) of a thread's items, then use(item,
/// loaded, is_item). All threads of a warp call use together, those past the end with is_item false.
template <int at_once, typename Load, typename Use>
__device__ __forceinline__ void over_tiles(const BlockRange& at, int64_t items, const Load& load, const Use& use) {
  constexpr int tile = block_threads * at_once;
  for (int64_t begin = static_cast<int64_t>(at.block) * tile; begin < items;
       begin += static_cast<int64_t>(at.blocks) * tile) {
    const int count = items - begin < tile ? static_cast<int>(items - begin) : tile;
    const int own = static_cast<int>(threadIdx.x);
    decltype(load(begin)) loaded[at_once];
#pragma unroll
    for (int k = 0; k < at_once; ++k) {
      if (own + k * block_threads < count) {
        loaded[k] = load(begin + own + k * block_threads);
      }
    }
#pragma unroll
    for (int k = 0; k < at_once; ++k) {
      use(begin + own + k * block_threads, loaded[k], own + k * block_threads < count);
    }
  }
}

}  // namespace compress::cuda
