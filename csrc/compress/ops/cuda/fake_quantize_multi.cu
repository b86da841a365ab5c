#include "compress/ops/cuda/differentiate_runs.h"
#include "compress/ops/cuda/fake_quantize_multi.h"
#include "compress/ops/cuda/quantize_packs.h"

namespace compress::cuda {
namespace {

using math::FloatFormat;

template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    quantize_kernel(const __grid_constant__ TensorTable<QuantizeRuns> table, GridEnds ends) {
  const TensorBlock at = tensor_block(table);
  const QuantizeRuns& tensor = table.entries[at.tensor];
  quantize_tensor<Scalar, false>(tensor, at, [&](int64_t run) { return tensor.quantizer.grid(run, ends); });
}

template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    differentiate_kernel(const __grid_constant__ TensorTable<DifferentiateRuns> table, GridEnds ends) {
  const TensorBlock at = tensor_block(table);
  const DifferentiateRuns& tensor = table.entries[at.tensor];
  differentiate_tensor<Scalar>(tensor, at, [&](int64_t run) { return tensor.quantizer.grid(run, ends); });
}

// Second stage: the sums of a run are those of its parts, one after the other.
__global__ void __launch_bounds__(block_threads)
    reduce_kernel(const __grid_constant__ TensorTable<DifferentiateRuns> table) {
  const TensorBlock at = tensor_block(table);
  const DifferentiateRuns& tensor = table.entries[at.tensor];
  const int64_t parts = tensor.pieces.parts();
  const Team team(team_of_sums(parts));
  team.over_jobs(at, tensor.pieces.runs(), [&](int64_t run, bool is_run) {
    reduce_scale(team, tensor.gradients, tensor.sums, run, is_run ? parts : 0,
                 [&](int64_t n) { return run * parts + n; });
  });
}

}  // namespace

QuantizeRuns runs_of(const FakeQuantizeCall& call) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  return {PackForward(bytes_of(call.format), call.x, call.y, nullptr, geometry.segments, geometry.segment_length,
                      call.mask),
          {call.quantizer.scale, call.quantizer.zero_points}};
}

DifferentiateRuns runs_of(const FakeQuantizeBackwardCall& call) {
  return {run_gradient(call), {call.quantizer.scale, call.quantizer.zero_points}};
}

int64_t quantize_blocks(const QuantizeRuns& tensor, FloatFormat format) {
  return tensor.tiles(bytes_of(format));
}

int64_t piece_blocks(const DifferentiateRuns& tensor) {
  return tensor_blocks(tensor.threads());
}

int64_t scale_blocks(const DifferentiateRuns& tensor) {
  return tensor_blocks(team_of_sums(tensor.pieces.parts()).threads(tensor.pieces.runs()));
}

void launch_quantize_runs(const TensorTable<QuantizeRuns>& table, FloatFormat format, GridEnds ends,
                          cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  with_scalar_of(format,
                 [&](auto scalar) { launch_kernel(quantize_kernel<decltype(scalar)>, blocks, stream, table, ends); });
}

void launch_differentiate_runs(const TensorTable<DifferentiateRuns>& table, FloatFormat format, GridEnds ends,
                               cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  with_scalar_of(
      format, [&](auto scalar) { launch_kernel(differentiate_kernel<decltype(scalar)>, blocks, stream, table, ends); });
}

void launch_reduce_runs(const TensorTable<DifferentiateRuns>& table, cudaStream_t stream) {
  launch_kernel(reduce_kernel, table.blocks(), stream, table);
}

}  // namespace compress::cuda
