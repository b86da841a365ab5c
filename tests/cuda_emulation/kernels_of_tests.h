#pragma once

#include <cstdint>

namespace compress::cuda {

// Kernels for the tests of the emulator, on `count` floats in device memory, in blocks of 64 threads.

enum class Fault {
  read_past_end,
  write_before_begin,
  write_into_gap,
  misaligned_pack,
  null_pointer,
  shared_index,
  overflow,
  division_by_zero,
  shift,
  lane_missing,
  lane_ended,
  lane_outside_mask,
  source_lane_outside_mask,
  lanes_beyond_block,
  thread_ended_before_barrier,
  two_barriers,
  barrier_and_warp_operation,
  endless_recursion,
};
void launch_faulty(Fault fault, float* data, int count);
void launch_of_no_blocks(float* data);

/// data[i] = data[count - 1 - i] for a block through shared memory; without the barrier it is a race.
void launch_reversal(float* data, int count, bool has_barrier);

/// data[i] = what shared memory holds before anything is written to it.
void launch_read_of_fresh_shared_memory(float* data, int count);

/// data[block] = the number of blocks that ran before it.
void launch_block_numbers(float* data, int count);

/// Each thread's results of warp operations: data[8 * thread ...].
void launch_warp_operations(float* data);

/// data[thread] = the sum over all 64 threads' numbers, repeated so that one sum follows another.
void launch_block_sums(float* data);

}  // namespace compress::cuda
