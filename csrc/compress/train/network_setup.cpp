#include "compress/train/network_setup.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <filesystem>

#include "compress/core/cuda_library.h"
#include "compress/core/error.h"

namespace compress::train {
namespace {

// Asked before any CUDA library is loaded, which takes over a second: the driver's device file (on WSL, its bridge).
bool has_gpu_driver() {
  return std::filesystem::exists("/dev/nvidiactl") || std::filesystem::exists("/dev/dxg");
}

}  // namespace

models::InputShape input_shape(const data::Dataset& dataset) {
  return {dataset.images.size(1), dataset.images.size(2), dataset.images.size(3), dataset.classes};
}

at::Device choose_device(Device device) {
  const bool automatic = device == Device::automatic;
  if (device == Device::cpu || (automatic && !has_gpu_driver())) {
    return at::kCPU;
  }
  if (automatic && !has_cuda_kernels()) {
    TORCH_WARN_ONCE("device: a GPU is here, but this build has no CUDA kernels; the CPU is used");
    return at::kCPU;
  }
  load_cuda_library();
  if (at::globalContext().hasCUDA()) {
    return at::Device(at::kCUDA, 0);
  }
  const bool asked_too_early = has_gpu_driver() && !at::detail::getCUDAHooks().hasCUDART();
  check(!asked_too_early,
        "device: torch was asked about CUDA, by seeding or a convolution say, before "
        "compress::load_cuda_library(), and finds no GPU since; call that first, or use device: cpu");
  check<UsageError>(automatic, "device: cuda was asked for, but no GPU is here; use device: cpu");
  return at::kCPU;
}

}  // namespace compress::train
