#include "emulator/grid.h"

#include <string>

#include "emulator/block.h"
#include "emulator/faults.h"
#include "emulator/guarded_memory.h"

namespace cuda_emulation {

dim3 threadIdx;
dim3 blockIdx;
dim3 blockDim;
dim3 gridDim;
int64_t most_blocks = 16384;

namespace {

Sequence block_sequence;

void check_shape(const dim3& grid, const dim3& block) {
  const bool is_line = grid.y == 1 && grid.z == 1 && block.y == 1 && block.z == 1;
  if (!is_line || grid.x == 0 || grid.x > 0x7fffffffu || block.x == 0 || block.x > 1024) {
    throw KernelError("a launch of " + std::to_string(grid.x) + " blocks of " + std::to_string(block.x) +
                      " threads is refused");
  }
}

}  // namespace

void set_order(Order order, uint64_t seed) {
  block_sequence.set(order, seed);
  block_runner().sequence.set(order, seed + 1);
}

void run_grid(const dim3& grid, const dim3& block, const std::function<void()>& thread) {
  check_shape(grid, block);
  const FaultHandlers handlers;
  gridDim = grid;
  blockDim = block;
  threadIdx = dim3(0, 0, 0);
  blockIdx = dim3(0, 0, 0);
  block_sequence.over(grid.x, [&](int64_t number) {
    blockIdx.x = static_cast<unsigned>(number);
    block_runner().run(block.x, thread);
  });
  check_gaps();
}

void fail_kernel(const char* message) {
  block_runner().fail(message);
}

void wait_for_block(int line) {
  uint64_t nothing = 0;
  block_runner().wait(Thread::State::at_block_barrier, 0, nothing, -1, line);
}

void wait_for_lanes(unsigned lanes, int line) {
  lanes_where(lanes, false, line);
}

unsigned lanes_where(unsigned lanes, bool is_true, int line) {
  uint64_t brings = is_true ? 1 : 0;
  block_runner().wait(Thread::State::at_warp_operation, lanes, brings, -1, line);
  return static_cast<unsigned>(brings);
}

uint64_t bits_of_lane(unsigned lanes, uint64_t bits, int source, int line) {
  block_runner().wait(Thread::State::at_warp_operation, lanes, bits, source, line);
  return bits;
}

}  // namespace cuda_emulation
