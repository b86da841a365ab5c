#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace compress::cuda {

/// The blocks that share some work: all of a launch, or those of one tensor of a table.
struct BlockRange {
  unsigned block;
  unsigned blocks;
};

#if defined(__CUDACC__)

/// This thread among all threads of the blocks, and how many those are.
__device__ __forceinline__ int64_t thread_of(const BlockRange& at) {
  return static_cast<int64_t>(at.block) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ int64_t threads_of(const BlockRange& at) {
  return static_cast<int64_t>(at.blocks) * blockDim.x;
}

__device__ __forceinline__ BlockRange whole_grid() {
  return {blockIdx.x, gridDim.x};
}

#endif

}  // namespace compress::cuda
