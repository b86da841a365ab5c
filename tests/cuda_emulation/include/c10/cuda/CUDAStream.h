#pragma once

#include <cuda_runtime_api.h>

namespace c10::cuda {

/// The emulator runs a kernel at once, so that there is one stream.
inline cudaStream_t getCurrentCUDAStream() {
  return nullptr;
}

}  // namespace c10::cuda
