#pragma once

#include <cstdint>

#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

// A loop over items, one a thread, whose grid strides where there are more than fit (see thread_blocks).

__device__ __forceinline__ int64_t grid_index() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ __forceinline__ int64_t grid_stride() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

/// As many elements as one 16-byte access moves.
template <typename T>
using Sixteen = Pack<T, 16 / sizeof(T)>;

}  // namespace compress::cuda
