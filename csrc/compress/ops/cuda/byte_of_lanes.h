#pragma once

#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

/// The bits of eight neighbours of which each lane holds `count`: one byte, valid in the first of those 8 / count
/// lanes, which call it together; lane 0 of a warp is such a first.
template <int count>
__device__ __forceinline__ unsigned byte_of_lanes(unsigned bits) {
  static_assert(8 % count == 0, "a lane's bits lie in one byte");
  constexpr int lanes = 8 / count;
  const unsigned own = ((1u << lanes) - 1u) << (threadIdx.x % warp_threads / lanes * lanes);
#pragma unroll
  for (int held = count; held < 8; held *= 2) {
    bits |= __shfl_xor_sync(own, bits, held / count) << held;
  }
  return bits;
}

}  // namespace compress::cuda
