#include "emulator/faults.h"

#include <string>
#include <vector>

#include "emulator/block.h"
#include "emulator/guarded_memory.h"

namespace cuda_emulation {
namespace {

void on_fault(int number, siginfo_t* info, void*) {
  const Thread* thread = block_runner().running();
  if (thread != nullptr) {
    fail_kernel(thread->fiber.is_overflow(info->si_addr) ? "stack overflow"
                                                         : ("invalid access" + place_of(info->si_addr)).c_str());
  }
  signal(number, SIG_DFL);  // not a kernel's: happens again and ends the program
}

}  // namespace

FaultHandlers::FaultHandlers() {
  static std::vector<char> memory(64 * 1024);
  stack_t stack = {};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  sigaltstack(&stack, &former_stack_);
  struct sigaction action = {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // the handler is left by a jump
  sigaction(SIGSEGV, &action, &former_segv_);
  sigaction(SIGBUS, &action, &former_bus_);
}

FaultHandlers::~FaultHandlers() {
  sigaction(SIGSEGV, &former_segv_, nullptr);
  sigaction(SIGBUS, &former_bus_, nullptr);
  sigaltstack(&former_stack_, nullptr);
}

}  // namespace cuda_emulation
