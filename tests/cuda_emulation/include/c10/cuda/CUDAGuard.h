#pragma once

#include <c10/core/Device.h>
#include <c10/cuda/CUDAStream.h>

namespace c10::cuda {

/// The emulator has one device.
struct CUDAGuard {
  explicit CUDAGuard(const c10::Device&) {}
};

}  // namespace c10::cuda
