#pragma once

#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

/// The lanes that hold a byte's bits together with this one, `count` each; lane 0 is a first of them.
template <int count>
__device__ __forceinline__ unsigned lanes_of_byte() {
  constexpr int lanes = 8 / count;
  return ((1u << lanes) - 1u) << (threadIdx.x % warp_threads / lanes * lanes);
}

/// The bits of eight neighbours, of which each lane holds `count`: one byte, valid in the first of their lanes. All
/// `callers`, the whole warp or lanes_of_byte, call it together.
template <int count>
__device__ __forceinline__ unsigned byte_of_lanes(unsigned bits, unsigned callers = 0xffffffffu) {
  static_assert(8 % count == 0, "a lane's bits lie in one byte");
#pragma unroll
  for (int held = count; held < 8; held *= 2) {
    bits |= __shfl_xor_sync(callers, bits, held / count) << held;
  }
  return bits;
}

}  // namespace compress::cuda
