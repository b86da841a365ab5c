#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/pack_forward.h"
#include "compress/ops/cuda/run_gradient.h"
#include "compress/ops/cuda/tensor_table.h"

namespace compress::cuda {

struct GridEnds {
  float quant_min;
  float quant_max;
};

/// The grids of a tensor whose runs are its scales, in order (BlockGeometry::one_to_one); the ends are the launch's.
struct RunQuantizer {
  const float* scale = nullptr;
  math::ZeroPoints zero_points;

  COMPRESS_HOST_DEVICE math::AffineGrid grid(int64_t run, const GridEnds& ends) const {
    return math::make_affine_grid(scale[run], zero_points[run], ends.quant_min, ends.quant_max);
  }
};

/// Such a tensor, as a table of many holds it: cut as the single operator cuts it, so that values and sums are the
/// same.
struct QuantizeRuns : PackForward {
  RunQuantizer quantizer;
};
struct DifferentiateRuns : RunGradient {
  RunQuantizer quantizer;
};

QuantizeRuns runs_of(const FakeQuantizeCall& call);
DifferentiateRuns runs_of(const FakeQuantizeBackwardCall& call);

/// Blocks that a tensor's elements, pieces or scales are worth.
int64_t quantize_blocks(const QuantizeRuns& tensor, math::FloatFormat format);
int64_t piece_blocks(const DifferentiateRuns& tensor);
int64_t scale_blocks(const DifferentiateRuns& tensor);

/// All tensors of a table in one launch; they have one format.
void launch_quantize_runs(const TensorTable<QuantizeRuns>& table, math::FloatFormat format, GridEnds ends,
                          cudaStream_t stream);
void launch_differentiate_runs(const TensorTable<DifferentiateRuns>& table, math::FloatFormat format, GridEnds ends,
                               cudaStream_t stream);
/// The second stage, for tensors of any formats, each with sums.
void launch_reduce_runs(const TensorTable<DifferentiateRuns>& table, cudaStream_t stream);

}  // namespace compress::cuda
