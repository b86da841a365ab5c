#include "compress/train/network_setup.h"

#include <ATen/Context.h>

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
  if (device == Device::cpu || (device == Device::automatic && !has_gpu_driver())) {
    return at::kCPU;
  }
  load_cuda_library();
  check<UsageError>(at::globalContext().hasCUDA(), "device: cuda was asked for, but no GPU is here; use device: cpu");
  return at::Device(at::kCUDA, 0);
}

}  // namespace compress::train
