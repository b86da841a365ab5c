#pragma once

#include <c10/core/ScalarType.h>
#include <c10/cuda/CUDAException.h>

#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

/// Raises c10::Error with CUDA's own words where a launch was refused. Does not synchronise.
inline void check_launch() {
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

inline Number number_of(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return Number::float64;
    case at::kHalf:
      return Number::float16;
    case at::kBFloat16:
      return Number::bfloat16;
    default:
      return Number::float32;
  }
}

}  // namespace compress::cuda
