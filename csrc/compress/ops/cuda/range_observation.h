#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/block_geometry.h"
#include "compress/ops/cuda/tensor_table.h"
#include "compress/ops/math/range_update.h"

namespace compress::cuda {

/// The ranges of one or many tensors are taken in three steps: clear, reduce (integer atomics, whose result depends on
/// no order), update. The workspace holds two bounds of 8 bytes for each scale of all tensors; a tensor's begin at
/// `first_bound`.
struct RangeWorkspace {
  void* memory;
  int64_t scales;

  static int64_t bytes(int64_t scales) { return 2 * scales * static_cast<int64_t>(sizeof(long long)); }
};

/// A contiguous tensor whose runs have one scale each, in order (BlockGeometry::one_to_one).
struct RangeRuns {
  const void* x;
  int64_t runs;
  int64_t length;
  int64_t first_bound;
};
using RangeRunsTable = TensorTable<RangeRuns>;

/// Where a tensor's ranges go.
struct RangeTarget {
  math::ObserverState state;
  int64_t scales;
  int64_t first_bound;
  math::FloatFormat format;
};
using RangeTargetTable = TensorTable<RangeTarget>;

/// Blocks that an entry's work is worth.
int64_t range_blocks(const RangeRuns& runs);
int64_t range_blocks(const RangeTarget& target);

void launch_clear_ranges(math::FloatFormat format, const RangeWorkspace& workspace, int64_t first_bound, int64_t scales,
                         cudaStream_t stream);
void launch_reduce_ranges(math::FloatFormat format, const RangeRunsTable& table, const RangeWorkspace& workspace,
                          cudaStream_t stream);
/// The same for one tensor of any geometry.
void launch_reduce_ranges(math::FloatFormat format, const void* x, const BlockGeometry& geometry,
                          const RangeWorkspace& workspace, int64_t first_bound, cudaStream_t stream);
void launch_update_ranges(const RangeTargetTable& table, const RangeWorkspace& workspace, const math::RangeRule& rule,
                          const math::GridRule& grid, cudaStream_t stream);

}  // namespace compress::cuda
