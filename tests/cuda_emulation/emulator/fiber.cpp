#include "emulator/fiber.h"

#include <sys/mman.h>

#include <new>

namespace cuda_emulation {
namespace {

constexpr size_t guard_bytes = 4096;
constexpr size_t stack_bytes = 64 * 1024;

}  // namespace

jmp_buf Fiber::outside_;

Fiber::Fiber() {
  memory_ = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory_ == MAP_FAILED) {
    throw std::bad_alloc();
  }
  mprotect(memory_, guard_bytes, PROT_NONE);
}

Fiber::~Fiber() {
  munmap(memory_, guard_bytes + stack_bytes);
}

void Fiber::prepare(Function function) {
  // Stacks that all began at the same place in a page would compete for the same lines of the cache.
  static size_t color = 0;
  color = (color + 320) % 4096;
  getcontext(&start_);
  start_.uc_stack.ss_sp = static_cast<char*>(memory_) + guard_bytes;
  start_.uc_stack.ss_size = stack_bytes - color;
  start_.uc_link = nullptr;
  makecontext(&start_, function, 0);
  is_started_ = false;
}

void Fiber::enter() {
  if (_setjmp(outside_) != 0) {
    return;
  }
  if (is_started_) {
    _longjmp(inside_, 1);
  }
  is_started_ = true;
  setcontext(&start_);
}

void Fiber::leave() {
  if (_setjmp(inside_) == 0) {
    _longjmp(outside_, 1);
  }
}

bool Fiber::is_overflow(const void* address) const {
  const char* begin = static_cast<const char*>(memory_);
  return address >= begin && address < begin + guard_bytes;
}

}  // namespace cuda_emulation
