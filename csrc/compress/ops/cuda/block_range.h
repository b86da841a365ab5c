#pragma once

#include <cuda_runtime.h>

namespace compress::cuda {

/// The blocks that share some work: all of a launch, or those of one tensor of a table.
struct BlockRange {
  unsigned block;
  unsigned blocks;
};

#if defined(__CUDACC__)

__device__ __forceinline__ BlockRange whole_grid() {
  return {blockIdx.x, gridDim.x};
}

#endif

}  // namespace compress::cuda
