#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "compress/ops/math/float_format.h"

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

template <typename Scalar>
using Real = decltype(to_real(Scalar()));

/// Calls body with a zero of the format's element type.
template <typename Body>
void with_scalar_of(math::FloatFormat format, const Body& body) {
  switch (format) {
    case math::FloatFormat::float32:
      return body(float());
    case math::FloatFormat::float16:
      return body(__half());
    case math::FloatFormat::bfloat16:
      return body(__nv_bfloat16());
    case math::FloatFormat::float64:
      return body(double());
  }
}

}  // namespace compress::cuda
