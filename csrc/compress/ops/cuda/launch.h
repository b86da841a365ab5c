#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "compress/ops/cuda/pack.h"

namespace compress::cuda {

constexpr int block_threads = 256;
constexpr int warp_threads = 32;

// Tests of the kernels' strides define it as less.
#if !defined(COMPRESS_CUDA_MOST_BLOCKS)
#define COMPRESS_CUDA_MOST_BLOCKS 16384
#endif

/// A grid of so many blocks fills the device several times over; more are not useful.
inline int64_t most_blocks() {
  return COMPRESS_CUDA_MOST_BLOCKS;
}

/// Blocks for `units` of work, one per block: the kernels step by gridDim.x, so that any count fits.
inline unsigned grid_blocks(int64_t units) {
  const int64_t most = most_blocks();
  return static_cast<unsigned>(units < 1 ? 1 : (units < most ? units : most));
}

/// Blocks for `threads` threads.
inline unsigned thread_blocks(int64_t threads) {
  return grid_blocks((threads + block_threads - 1) / block_threads);
}

#if defined(__CUDACC__)

/// A number of blocks alone means blocks of block_threads.
struct GridShape {
  GridShape(unsigned blocks, unsigned threads = block_threads) : blocks(blocks), threads(threads) {}

  unsigned blocks;
  unsigned threads;
};

/// kernel<<<blocks, threads, 0, stream>>>(arguments...), in words that a host compiler reads too. A launch that is
/// refused leaves its error for check_launch.
template <typename... Parameters, typename... Arguments>
void launch_kernel(void (*kernel)(Parameters...), GridShape shape, cudaStream_t stream, const Arguments&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(shape.blocks);
  config.blockDim = dim3(shape.threads);
  config.stream = stream;
  cudaLaunchKernelEx(&config, kernel, arguments...);
}

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
