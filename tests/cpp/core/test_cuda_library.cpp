#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>

#include "compress/core/cuda_library.h"
#include "compress/core/error.h"

namespace compress {
namespace {

TEST(CudaLibrary, RegistersTheKernelsOrSaysThatTheyWereNotBuilt) {
  const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("compress::fake_quantize", "");
  try {
    load_cuda_library();
    load_cuda_library();  // again: nothing happens
    EXPECT_TRUE(op.hasKernelForDispatchKey(c10::DispatchKey::CUDA));
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("build without CUDA"), std::string::npos) << error.what();
    EXPECT_FALSE(op.hasKernelForDispatchKey(c10::DispatchKey::CUDA));
  }
}

}  // namespace
}  // namespace compress
