#include "compress/ops/cuda/differentiate_columns.h"
#include "compress/ops/cuda/differentiate_runs.h"
#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/partial_index.h"

namespace compress::cuda {
namespace {

template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    differentiate_runs(const __grid_constant__ FakeQuantizeBackwardCall call, const __grid_constant__ RunGradient work,
                       const __grid_constant__ math::MixedRadix scale_of) {
  differentiate_tensor<Scalar>(work, whole_grid(), [&](int64_t run) { return call.quantizer.grid(scale_of(run)); });
}

// Second stage: a team of threads per scale.
template <typename Sums>
__global__ void __launch_bounds__(block_threads)
    reduce_sums(const __grid_constant__ ScaleGradients gradients, const PieceSums* memory,
                const __grid_constant__ Sums sums, int64_t scales, int64_t sums_per_scale, TeamSize size) {
  const Team team(size);
  team.over_jobs(whole_grid(), scales, [&](int64_t scale, bool is_scale) {
    reduce_scale(team, gradients, memory, scale, is_scale ? sums_per_scale : 0,
                 [&](int64_t n) { return sums.index(scale, n); });
  });
}

template <typename Sums>
void launch_reduction(const FakeQuantizeBackwardCall& call, const Sums& sums, int64_t sums_per_scale,
                      cudaStream_t stream) {
  const int64_t scales = call.quantizer.geometry.scale_count;
  const TeamSize team = team_of_sums(sums_per_scale);
  launch_kernel(reduce_sums<Sums>, thread_blocks(team.threads(scales)), stream, gradients_of(call), sums_of(call), sums,
                scales, sums_per_scale, team);
}

template <typename Scalar>
void differentiate_runs_as(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  const RunGradient work = run_gradient(call);
  launch_kernel(differentiate_runs<Scalar>, thread_blocks(work.threads()), stream, call, work,
                math::scale_of_run(geometry));
  if (work.sums != nullptr) {
    const PartialsOfRuns sums(geometry, work.pieces.parts());
    launch_reduction(call, sums, geometry.segments_per_scale() * sums.parts, stream);
  }
}

template <typename Scalar>
void differentiate_columns_as(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  const Alignment alignment(sizeof(Scalar), call.x, call.grad, call.dx);
  with_columns_per_thread<Scalar>(geometry.segment_length, alignment, [&](auto count) {
    const ColumnTiles tiles(geometry, count);
    launch_kernel(differentiate_columns<Scalar, count>, grid_blocks(tiles.tiles()), stream, memory_of(call),
                  call.quantizer, MaskBits(call.mask), tiles, gradients_of(call), sums_of(call));
    if (call.sums != nullptr) {
      launch_reduction(call, PartialsOfColumns{tiles}, tiles.sums_per_scale(), stream);
    }
  });
}

template <typename Scalar>
void differentiate_as(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  if (call.quantizer.geometry.scale_step == 0) {
    differentiate_runs_as<Scalar>(call, stream);
  } else {
    differentiate_columns_as<Scalar>(call, stream);
  }
}

}  // namespace

int64_t backward_sums(const FakeQuantizeBackwardCall& call) {
  if (call.dscale == nullptr && call.dzero_point == nullptr) {
    return 0;
  }
  const BlockGeometry& geometry = call.quantizer.geometry;
  if (geometry.scale_step == 0) {
    const RunPieces pieces(geometry.segments, geometry.segment_length);
    return pieces.count() == geometry.scale_count ? 0 : pieces.count();
  }
  const int element_size = bytes_of(call.format);
  const Alignment alignment(element_size, call.x, call.grad, call.dx);
  const ColumnTiles tiles(geometry, columns_per_thread(element_size, geometry.segment_length, alignment));
  return tiles.sums_per_scale() == 1 ? 0 : tiles.sums();
}

void launch_fake_quantize_backward(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  with_scalar_of(call.format, [&](auto scalar) { differentiate_as<decltype(scalar)>(call, stream); });
}

}  // namespace compress::cuda
