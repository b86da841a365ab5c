#pragma once

#include <cstddef>

// A stand-in for CUDA's header: the few host-side names that csrc/compress/ops/cuda uses.

using cudaStream_t = struct cuda_emulation_stream*;

enum cudaError_t { cudaSuccess = 0 };

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;

  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};
