#pragma once

#include <cstdint>

#include "compress/ops/cuda/block_range.h"
#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

// A loop over items, one a thread, whose grid strides where there are more than fit (see thread_blocks).

__device__ __forceinline__ int64_t grid_index() {
  return thread_of(whole_grid());
}

__device__ __forceinline__ int64_t grid_stride() {
  return threads_of(whole_grid());
}

}  // namespace compress::cuda
