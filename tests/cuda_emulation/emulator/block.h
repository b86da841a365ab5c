#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fiber.h"
#include "emulator/grid.h"

namespace cuda_emulation {

/// One thread of a block, and what it waits for.
struct Thread {
  enum class State { ready, at_block_barrier, at_warp_operation, ended };

  Fiber fiber;
  State state = State::ended;
  int line = 0;
  unsigned lanes = 0;   // at_warp_operation: who takes part
  uint64_t brings = 0;  // to the warp operation, and its result
  int source = -1;      // lane whose value is the result; -1: the lanes that bring a number other than 0
};

/// The orders of Order, anew for each use.
class Sequence {
 public:
  void set(Order order, uint64_t seed);
  /// Calls body(i) for the numbers below count.
  template <typename Body>
  void over(int64_t count, const Body& body);

 private:
  Order order_ = Order::forward;
  uint64_t random_ = 0;
};

/// Runs blocks of threads.
class BlockRunner {
 public:
  /// Runs the block that blockIdx names.
  void run(unsigned threads, const std::function<void()>& thread);

  /// Parks the thread that runs until what it waits for has come.
  void wait(Thread::State state, unsigned lanes, uint64_t& brings, int source, int line);

  /// Leaves the thread that runs; run() throws. Returns where none runs.
  void fail(const std::string& message);

  /// The thread that runs; null where none does.
  const Thread* running() const { return running_; }

  Sequence sequence;

 private:
  static void run_fiber();
  void enter(Thread& thread, unsigned number);
  void run_warp(unsigned first);
  bool finish_warp_operation(unsigned first);
  void finish_block_barrier();
  void check_meeting(const Thread& one, const Thread& other, unsigned number);
  [[noreturn]] void give_up(const std::string& message);

  std::vector<std::unique_ptr<Thread>> threads_;
  unsigned count_ = 0;
  const std::function<void()>* body_ = nullptr;
  Thread* running_ = nullptr;
  std::string failure_;
};

BlockRunner& block_runner();

template <typename Body>
void Sequence::over(int64_t count, const Body& body) {
  if (order_ == Order::forward) {
    for (int64_t i = 0; i < count; ++i) {
      body(i);
    }
  } else if (order_ == Order::reverse) {
    for (int64_t i = count; i-- > 0;) {
      body(i);
    }
  } else {
    // An odd step from a random start visits every number below a power of two once.
    int64_t power = 1;
    while (power < count) {
      power *= 2;
    }
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    const int64_t step = static_cast<int64_t>(random_ >> 33) * 2 + 1;
    int64_t at = static_cast<int64_t>(random_ >> 40);
    for (int64_t i = 0; i < power; ++i, at += step) {
      if ((at & (power - 1)) < count) {
        body(at & (power - 1));
      }
    }
  }
}

}  // namespace cuda_emulation
