#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/cuda_library.h"
#include "compress/core/error.h"
#include "compress/train/network_setup.h"

namespace compress::train {
namespace {

TEST(ChooseDevice, AutomaticGivesADeviceThatWorks) {
  try {
    const at::Tensor ones = at::ones({3}, choose_device(Device::automatic));
    EXPECT_EQ(ones.sum().item<float>(), 3);
  } catch (const Error& error) {  // a GPU that this process asked about too early, in another test
    EXPECT_THAT(error.what(), testing::HasSubstr("before compress::load_cuda_library()"));
  }
}

TEST(ChooseDevice, CpuIsTheCpu) {
  EXPECT_TRUE(choose_device(Device::cpu).is_cpu());
}

TEST(ChooseDevice, CudaIsAGpuOrAnErrorThatSaysWhatToDo) {
  try {
    EXPECT_TRUE(choose_device(Device::cuda).is_cuda());
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(has_cuda_kernels() ? "use device: cpu" : "use the CPU"));
  }
}

}  // namespace
}  // namespace compress::train
