#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <type_traits>

namespace cuda_emulation {

/// What a kernel did that a GPU would not survive, or would survive with another result.
class KernelError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

extern dim3 threadIdx;
extern dim3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

/// In which order blocks, warps and lanes run where the kernel leaves it open. A result that depends on it is a race.
enum class Order { forward, reverse, shuffled };
void set_order(Order order, uint64_t seed = 0);

/// What launch.h takes for the most blocks that a grid has.
extern int64_t most_blocks;

/// Calls `thread` for every thread of every block. Blocks run one after another. Within a block one warp runs until all
/// its lanes wait for the block or have ended, then the next; within a warp one lane runs until it waits or ends, then
/// the next. Throws KernelError.
void run_grid(const dim3& grid, const dim3& block, const std::function<void()>& thread);

/// Ends the kernel that runs with a KernelError; in no kernel returns.
void fail_kernel(const char* message);

// What a thread calls. `line` is the place in the source, which threads that meet must have in common.

void wait_for_block(int line);
void wait_for_lanes(unsigned lanes, int line);
unsigned lanes_where(unsigned lanes, bool is_true, int line);

/// The 8 bytes that lane `source` brings.
uint64_t bits_of_lane(unsigned lanes, uint64_t bits, int source, int line);

template <typename T>
T value_of_lane(unsigned lanes, T value, int source, int line) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4 && sizeof(T) <= 8, "as CUDA has it");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  bits = bits_of_lane(lanes, bits, source, line);
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace cuda_emulation
