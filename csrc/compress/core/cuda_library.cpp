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
  const std::filesystem::path path = folder_of_this_library() / "libcompress_cuda.so";
  check(std::filesystem::exists(path), "this is a build without CUDA (", path.string(),
        " is missing): build with -DCOMPRESS_WITH_CUDA=ON where nvcc is, or use the CPU");
  check(dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr, "the CUDA kernels do not load: ", dlerror());
  return true;
}

}  // namespace

void load_cuda_library() {
  static const bool loaded = open_library();
  static_cast<void>(loaded);
}

}  // namespace compress
