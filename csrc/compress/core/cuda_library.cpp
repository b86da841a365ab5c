#include "compress/core/cuda_library.h"

#include <dlfcn.h>

#include <filesystem>

#include "compress/core/error.h"

namespace compress {
namespace {

std::filesystem::path folder_of_this_library() {
  Dl_info info{};
  check(dladdr(reinterpret_cast<void*>(&load_cuda_library), &info) != 0 && info.dli_fname != nullptr,
        "CUDA kernels: the folder of libcompress.so cannot be found");
  return std::filesystem::absolute(info.dli_fname).parent_path();
}

bool open_library() {
  check(has_cuda_kernels(),
        "this is a build without CUDA: build with -DCOMPRESS_WITH_CUDA=ON where nvcc is, or use the CPU");
  const std::filesystem::path path = folder_of_this_library() / "libcompress_cuda.so";
  check(dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr, "the CUDA kernels do not load: ", dlerror());
  return true;
}

}  // namespace

// Not by whether the file is there: one that an earlier build left does not fit this library.
bool has_cuda_kernels() {
  return COMPRESS_HAS_CUDA_KERNELS;
}

void load_cuda_library() {
  static const bool loaded = open_library();
  static_cast<void>(loaded);
}

}  // namespace compress
