#pragma once

// Scalar formulas are written once and compiled for the CPU and for CUDA.
#if defined(__CUDACC__)
#define COMPRESS_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define COMPRESS_HOST_DEVICE inline __attribute__((always_inline))
#endif
