#pragma once

#include <signal.h>

namespace cuda_emulation {

/// While it lives, an invalid access in a kernel ends the kernel with a KernelError that tells what was accessed.
class FaultHandlers {
 public:
  FaultHandlers();
  ~FaultHandlers();
  FaultHandlers(const FaultHandlers&) = delete;
  FaultHandlers& operator=(const FaultHandlers&) = delete;

 private:
  struct sigaction former_segv_;
  struct sigaction former_bus_;
  stack_t former_stack_;
};

}  // namespace cuda_emulation
