#include "emulator/shared_memory.h"

// Part of each library of kernels. A __shared__ variable is an uninitialised static one, and kernels have no other
// statics, so that the library's .bss is the shared memory.

extern "C" {
__attribute__((visibility("hidden"))) extern char __bss_start[];
__attribute__((visibility("hidden"))) extern char _end[];
}

namespace {

[[maybe_unused]] const bool is_registered = [] {
  cuda_emulation::register_shared_memory(__bss_start, _end);
  return true;
}();

}  // namespace
