#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace compress::cuda {

constexpr int block_threads = 256;
constexpr int warp_threads = 32;

/// Blocks for `units` of work, one per block: the kernels step by gridDim.x, so that any count fits into a grid that
/// fills the device several times over.
inline unsigned grid_blocks(int64_t units) {
  constexpr int64_t most = 16384;
  return static_cast<unsigned>(units < 1 ? 1 : (units < most ? units : most));
}

/// Blocks for `threads` threads.
inline unsigned thread_blocks(int64_t threads) {
  return grid_blocks((threads + block_threads - 1) / block_threads);
}

#if defined(__CUDACC__)

/// `count` neighbours that move in one instruction.
template <typename T, int count>
struct alignas(sizeof(T) * count) Pack {
  T values[count];
};

/// The sum over the block in a fixed order: the same bits on every run. Valid in thread 0; all threads must call it.
template <typename T>
__device__ T block_sum(T value) {
  __shared__ T warps[block_threads / warp_threads];
  for (int step = 16; step > 0; step /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, step);
  }
  __syncthreads();  // a former call may still read
  if (threadIdx.x % warp_threads == 0) {
    warps[threadIdx.x / warp_threads] = value;
  }
  __syncthreads();
  T sum = 0;
  if (threadIdx.x == 0) {
    for (int warp = 0; warp < block_threads / warp_threads; ++warp) {
      sum += warps[warp];
    }
  }
  return sum;
}

#endif

}  // namespace compress::cuda
