#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/block_geometry.h"
#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/run_pieces.h"
#include "compress/ops/cuda/tensor_table.h"
#include "compress/ops/math/range_update.h"

namespace compress::cuda {

/// A contiguous tensor whose range is taken into its state, in one launch where a team of threads sees all elements of
/// a scale, else in two: `partials` are scratch between them, range_partial_bytes of it, null where those are 0.
struct RangeCall {
  const void* x = nullptr;
  math::FloatFormat format = math::FloatFormat::float32;
  BlockGeometry geometry;
  math::ObserverState state;
  void* partials = nullptr;
};
int64_t range_partial_bytes(const RangeCall& call);

/// What a table needs of one whose scales do not vary along a run.
struct RangeRuns {
  const void* x = nullptr;
  math::FloatFormat format = math::FloatFormat::float32;
  RunPieces pieces;
  Alignment alignment;
  TeamSize team;
  math::ObserverState state;
  void* partials = nullptr;

  RangeRuns() = default;
  explicit RangeRuns(const RangeCall& call);
};
using RangeRunsTable = TensorTable<RangeRuns>;

/// Blocks that the pieces, or the second stage's scales, are worth.
int64_t piece_blocks(const RangeRuns& tensor);
int64_t scale_blocks(const RangeRuns& tensor);

/// How the states learn, the same for all tensors of a call.
struct ObserverRules {
  math::RangeRule range;
  math::GridRule grid;
};

/// First stage of tensors whose elements have `bytes` bytes.
void launch_range_runs(int bytes, const RangeRunsTable& table, const ObserverRules& rules, cudaStream_t stream);
/// Second stage of those of them with partials whose runs are their scales, in order (BlockGeometry::one_to_one).
void launch_update_runs(int bytes, const RangeRunsTable& table, const ObserverRules& rules, cudaStream_t stream);

/// First stage of a tensor whose every column has a scale (scale_step 1).
void launch_range_columns(const RangeCall& call, const ObserverRules& rules, cudaStream_t stream);
/// Second stage of any tensor with partials.
void launch_update_ranges(const RangeCall& call, const ObserverRules& rules, cudaStream_t stream);

}  // namespace compress::cuda
