#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "compress/ops/math/magnitude_threshold.h"

namespace compress::cuda {

/// Contiguous weights as kernels take them, by value: a launch's parameters hold at most 4 KiB, so a long list takes
/// several launches.
struct WeightChunk {
  static constexpr int capacity = 64;
  int count = 0;
  const void* data[capacity];
  int64_t elements[capacity];
  int64_t first_block[capacity + 1] = {};

  bool full() const { return count == capacity; }
  void add(const void* weight, int64_t weight_elements);
};

/// The selection's state in device memory: the rank left within the keys that share `key`'s digits found so far, and
/// one histogram per digit.
struct SelectionState {
  static constexpr int max_digits = 6;
  int64_t rank;
  int64_t key;
  unsigned long long bins[max_digits][math::radix_bins];
};

/// Clears the state for a selection of the rank-th (from 1) key.
void launch_begin_selection(SelectionState* state, int64_t rank, cudaStream_t stream);

/// Counts one digit of the chunk's weights; `digit_index` says which histogram.
void launch_count_digit(const WeightChunk& chunk, math::FloatFormat format, math::RadixDigit digit, int digit_index,
                        SelectionState* state, cudaStream_t stream);

/// Finds the digit that all chunks' counts say, and writes the threshold so far (complete after the last digit).
void launch_select_digit(math::FloatFormat format, math::RadixDigit digit, int digit_index, SelectionState* state,
                         float* threshold, cudaStream_t stream);

}  // namespace compress::cuda
