#pragma once

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/cuda/block_range.h"
#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

/// Threads that work on one run together: a power of two of neighbouring lanes, or the whole block.
struct TeamSize {
  int log2 = 0;

  /// For so many accesses of 16 bytes, `at_once` of which a thread has in flight: a block where each thread has two or
  /// more, else lanes of a warp; two at least, so that they read whole sectors of 32 bytes.
  COMPRESS_HOST_DEVICE static TeamSize of(int64_t accesses, int at_once) {
    if (accesses >= 2 * block_threads) {
      return {8};
    }
    int log2 = accesses > 1 ? 1 : 0;
    while (log2 < 5 && (int64_t{at_once} << log2) < accesses) {
      ++log2;
    }
    return {log2};
  }

  COMPRESS_HOST_DEVICE int64_t threads(int64_t teams) const { return teams << log2; }
};
static_assert(block_threads == 1 << 8, "TeamSize::of");

#if defined(__CUDACC__)

class Team {
 public:
  __device__ explicit Team(TeamSize size)
      : log2_(size.log2), lane_(static_cast<int>(threadIdx.x) & ((1 << size.log2) - 1)) {}

  __device__ int size() const { return 1 << log2_; }
  __device__ int lane() const { return lane_; }
  __device__ bool is_block() const { return log2_ > 5; }
  /// Of the team, in one warp.
  __device__ int lanes() const { return is_block() ? warp_threads : size(); }

  /// Calls body(number, is_job) for the jobs of this team among those of all teams. The threads of a warp call it
  /// together, so that they may shuffle, some for no job.
  template <typename Body>
  __device__ __forceinline__ void over_jobs(const BlockRange& at, int64_t jobs, const Body& body) const {
    const int64_t step = static_cast<int64_t>(at.blocks) * block_threads >> log2_;
    const int own = static_cast<int>(threadIdx.x) >> log2_;
    const int of_warp = is_block() ? 0 : static_cast<int>(threadIdx.x / warp_threads * warp_threads) >> log2_;
    for (int64_t first = (static_cast<int64_t>(at.block) * block_threads >> log2_) + of_warp; first < jobs;
         first += step) {
      const int64_t number = first - of_warp + own;
      body(number, number < jobs);
    }
  }

  /// The sum over the team in a fixed order; valid in lane 0. All threads of the warp, or block, call it together.
  template <typename T>
  __device__ T sum(T value) const {
    if (is_block()) {
      return block_sum(value);
    }
    for (int distance = size() / 2; distance > 0; distance /= 2) {
      value += __shfl_down_sync(0xffffffffu, value, distance);
    }
    return value;
  }

 private:
  int log2_;
  int lane_;
};

#endif

}  // namespace compress::cuda
