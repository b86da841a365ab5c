#pragma once

#include <c10/cuda/CUDAException.h>

namespace compress::cuda {

/// Raises c10::Error with CUDA's own words where a launch was refused. Does not synchronise.
inline void check_launch() {
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace compress::cuda
