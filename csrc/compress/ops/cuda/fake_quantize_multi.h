#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/tensor_table.h"

namespace compress::cuda {

/// The grids of a tensor whose runs are its scales, in order (BlockGeometry::one_to_one); the ends are the launch's.
struct RunQuantizer {
  const float* scale;
  math::ZeroPoints zero_points;

  COMPRESS_HOST_DEVICE math::AffineGrid grid(int64_t run, float quant_min, float quant_max) const {
    return math::make_affine_grid(scale[run], zero_points[run], quant_min, quant_max);
  }
};

/// Such a tensor, as small as a table of many needs it. It is cut into pieces as BlockPieces cuts it, so that sums are
/// those of the single operator.
struct TensorRuns {
  const void* x;
  PackedMask mask;
  RunQuantizer quantizer;
  int64_t runs;
  int64_t length;
  int misalignment;  ///< see over_run
  bool by_block;     ///< a block takes a piece, else a warp

  COMPRESS_HOST_DEVICE int64_t parts() const {
    return (length + math::BlockPieces::max_length - 1) / math::BlockPieces::max_length;
  }
};

struct QuantizeRuns : TensorRuns {
  void* y;
};

/// What is null is not wanted; `sums` has two floats for each piece.
struct DifferentiateRuns : TensorRuns {
  const void* grad;
  void* dx;
  float* sums;
  float* dscale;
  float* dzero_point;
  double grad_factor;
};

QuantizeRuns runs_of(const FakeQuantizeCall& call);
DifferentiateRuns runs_of(const FakeQuantizeBackwardCall& call);

/// Blocks that the pieces, or the second stage's scales, are worth.
int64_t piece_blocks(const TensorRuns& tensor);
int64_t scale_blocks(const TensorRuns& tensor);

struct GridEnds {
  float quant_min;
  float quant_max;
};

/// All tensors of a table in one launch; they have one format.
void launch_quantize_runs(const TensorTable<QuantizeRuns>& table, math::FloatFormat format, GridEnds ends,
                          cudaStream_t stream);
void launch_differentiate_runs(const TensorTable<DifferentiateRuns>& table, math::FloatFormat format, GridEnds ends,
                               cudaStream_t stream);
/// The second stage, for tensors of any formats, each with sums.
void launch_reduce_runs(const TensorTable<DifferentiateRuns>& table, cudaStream_t stream);

}  // namespace compress::cuda
