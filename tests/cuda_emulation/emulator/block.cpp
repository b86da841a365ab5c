#include "emulator/block.h"

#include "emulator/shared_memory.h"

namespace cuda_emulation {
namespace {

constexpr unsigned warp_size = 32;

std::string at_line(int line) {
  return " at line " + std::to_string(line);
}

}  // namespace

BlockRunner& block_runner() {
  static BlockRunner runner;
  return runner;
}

void Sequence::set(Order order, uint64_t seed) {
  order_ = order;
  random_ = seed;
}

// A fiber serves one block after another.
void BlockRunner::run_fiber() {
  BlockRunner& runner = block_runner();
  while (true) {
    Thread* own = runner.running_;
    (*runner.body_)();
    own->state = Thread::State::ended;
    own->fiber.leave();
  }
}

void BlockRunner::run(unsigned threads, const std::function<void()>& thread) {
  while (threads_.size() < threads) {
    threads_.push_back(std::make_unique<Thread>());
    threads_.back()->fiber.prepare(&run_fiber);
  }
  body_ = &thread;
  count_ = threads;
  poison_shared_memory();
  for (unsigned i = 0; i < threads; ++i) {
    threads_[i]->state = Thread::State::ready;
  }
  const unsigned warps = (threads + warp_size - 1) / warp_size;
  while (true) {
    sequence.over(warps, [&](int64_t warp) { run_warp(static_cast<unsigned>(warp) * warp_size); });
    bool all_ended = true;
    for (unsigned i = 0; i < threads; ++i) {
      all_ended = all_ended && threads_[i]->state == Thread::State::ended;
    }
    if (all_ended) {
      return;
    }
    finish_block_barrier();
  }
}

void BlockRunner::enter(Thread& thread, unsigned number) {
  threadIdx.x = number;
  running_ = &thread;
  thread.fiber.enter();
  running_ = nullptr;
  if (!failure_.empty()) {
    give_up(failure_);
  }
}

void BlockRunner::run_warp(unsigned first) {
  const unsigned lanes = count_ - first < warp_size ? count_ - first : warp_size;
  do {
    sequence.over(lanes, [&](int64_t lane) {
      const unsigned number = first + static_cast<unsigned>(lane);
      Thread& thread = *threads_[number];
      if (thread.state == Thread::State::ready) {
        enter(thread, number);
      }
    });
  } while (finish_warp_operation(first));
}

void BlockRunner::check_meeting(const Thread& one, const Thread& other, unsigned number) {
  if (other.state == Thread::State::ended) {
    give_up("thread " + std::to_string(number) + " has ended, but others wait for it" + at_line(one.line));
  }
  if (other.state != one.state || other.line != one.line || other.lanes != one.lanes) {
    give_up("thread " + std::to_string(number) + " waits" + at_line(other.line) + ", but others wait for it" +
            at_line(one.line));
  }
}

// All lanes of a warp have run as far as they can, so that a lane which is missing never comes.
bool BlockRunner::finish_warp_operation(unsigned first) {
  bool any = false;
  for (unsigned number = first; number < first + warp_size && number < count_; ++number) {
    const Thread& waiting = *threads_[number];
    if (waiting.state != Thread::State::at_warp_operation) {
      continue;
    }
    any = true;
    if (((waiting.lanes >> (number - first)) & 1u) == 0) {
      give_up("thread " + std::to_string(number) + " is not among the lanes it names" + at_line(waiting.line));
    }
    const unsigned lanes = waiting.lanes;
    uint64_t brought[warp_size];
    unsigned nonzero = 0;
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      if (((lanes >> lane) & 1u) == 0) {
        continue;
      }
      if (first + lane >= count_) {
        give_up("lane " + std::to_string(lane) + " is waited for" + at_line(waiting.line) + ", but does not exist");
      }
      const Thread& thread = *threads_[first + lane];
      check_meeting(waiting, thread, first + lane);
      brought[lane] = thread.brings;
      nonzero |= (thread.brings != 0 ? 1u : 0u) << lane;
    }
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      if (((lanes >> lane) & 1u) == 0) {
        continue;
      }
      Thread& thread = *threads_[first + lane];
      if (thread.source >= 0 && ((lanes >> thread.source) & 1u) == 0) {
        give_up("lane " + std::to_string(lane) + " reads lane " + std::to_string(thread.source) +
                ", which takes no part" + at_line(thread.line));
      }
      thread.brings = thread.source >= 0 ? brought[thread.source] : nonzero;
      thread.state = Thread::State::ready;
    }
  }
  return any;
}

void BlockRunner::finish_block_barrier() {
  const Thread* waiting = nullptr;
  for (unsigned i = 0; i < count_ && waiting == nullptr; ++i) {
    waiting = threads_[i]->state == Thread::State::at_block_barrier ? threads_[i].get() : nullptr;
  }
  for (unsigned i = 0; i < count_; ++i) {
    check_meeting(*waiting, *threads_[i], i);
  }
  for (unsigned i = 0; i < count_; ++i) {
    threads_[i]->state = Thread::State::ready;
  }
}

void BlockRunner::wait(Thread::State state, unsigned lanes, uint64_t& brings, int source, int line) {
  Thread& own = *running_;
  own.state = state;
  own.lanes = lanes;
  own.brings = brings;
  own.source = source;
  own.line = line;
  own.fiber.leave();
  brings = own.brings;
}

void BlockRunner::fail(const std::string& message) {
  if (running_ != nullptr) {
    failure_ = message + " in thread " + std::to_string(threadIdx.x);
    running_->fiber.leave();
  }
}

void BlockRunner::give_up(const std::string& message) {
  const std::string what = message + ", block " + std::to_string(blockIdx.x) + " of " + std::to_string(gridDim.x);
  failure_.clear();
  // What is in the middle of its work never ends it.
  for (auto& thread : threads_) {
    thread->fiber.prepare(&run_fiber);
  }
  throw KernelError(what);
}

}  // namespace cuda_emulation
