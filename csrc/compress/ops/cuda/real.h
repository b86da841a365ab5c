#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

// For .cu files: element types and the type that arithmetic on them is done in, double for double, else float. Rounding
// is half to even; NaN stays NaN.

namespace compress::cuda {

__device__ __forceinline__ float to_real(float x) {
  return x;
}
__device__ __forceinline__ double to_real(double x) {
  return x;
}
__device__ __forceinline__ float to_real(__half x) {
  return __half2float(x);
}
__device__ __forceinline__ float to_real(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

__device__ __forceinline__ void from_real(float x, float& to) {
  to = x;
}
__device__ __forceinline__ void from_real(double x, double& to) {
  to = x;
}
__device__ __forceinline__ void from_real(float x, __half& to) {
  to = __float2half_rn(x);
}
__device__ __forceinline__ void from_real(float x, __nv_bfloat16& to) {
  to = __float2bfloat16_rn(x);
}

}  // namespace compress::cuda
