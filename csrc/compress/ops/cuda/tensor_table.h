#pragma once

#include <cstdint>

#include "compress/ops/cuda/block_range.h"
#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

/// Blocks for `threads` threads of one tensor.
inline int64_t tensor_blocks(int64_t threads) {
  return (threads + block_threads - 1) / block_threads;
}

/// What one launch does on many tensors, by value in its parameters, which hold at most 4 KiB: no table in device
/// memory, nothing to copy, and a CUDA graph keeps it. Each tensor has blocks of its own, one after the other.
template <typename Entry>
struct TensorTable {
  static constexpr int capacity = static_cast<int>((3840 - 16) / (sizeof(Entry) + sizeof(unsigned)));
  static_assert(capacity >= 8, "an entry is too large for a launch's parameters");

  Entry entries[capacity];
  unsigned first_block[capacity + 1] = {};
  int count = 0;

  unsigned blocks() const { return first_block[count]; }

  /// False where the entry needs another launch. A tensor's blocks step over its work, so that any number fits.
  bool add(const Entry& entry, int64_t blocks) {
    const int64_t most = most_blocks();
    if (count == capacity) {
      return false;
    }
    entries[count] = entry;
    first_block[count + 1] = first_block[count] + static_cast<unsigned>(blocks < most ? blocks : most);
    ++count;
    return true;
  }
};

/// Collects entries and calls launch(table) whenever a table is full, and at the end.
template <typename Entry, typename Launch>
class TensorTables {
 public:
  explicit TensorTables(const Launch& launch) : launch_(launch) {}

  void add(const Entry& entry, int64_t blocks) {
    if (!table_.add(entry, blocks)) {
      finish();
      table_.add(entry, blocks);
    }
  }
  void finish() {
    if (table_.blocks() > 0) {
      launch_(table_);
    }
    table_ = {};
  }

 private:
  const Launch& launch_;
  TensorTable<Entry> table_;
};

template <typename Entry, typename Launch>
TensorTables<Entry, Launch> tensor_tables(const Launch& launch) {
  return TensorTables<Entry, Launch>(launch);
}

#if defined(__CUDACC__)

/// Which tensor this block works on, and where among that tensor's blocks it stands.
struct TensorBlock : BlockRange {
  int tensor;
};

template <typename Entry>
__device__ TensorBlock tensor_block(const TensorTable<Entry>& table) {
  int low = 0;  // the last tensor whose blocks begin at or before this one
  int high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.first_block[middle] <= blockIdx.x) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return {{blockIdx.x - table.first_block[low], table.first_block[low + 1] - table.first_block[low]}, low};
}

#endif

}  // namespace compress::cuda
