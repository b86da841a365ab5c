#include "compress/ops/cuda/fake_quantize_multi.h"
#include "compress/ops/cuda/quantize_run.h"

namespace compress::cuda {
namespace {

using math::BlockPieces;
using math::FloatFormat;

/// Piece `number` of a tensor: elements first..first + count - 1, all of one run.
struct RunPiece {
  int64_t run;
  int64_t first;
  int64_t count;
};

__device__ RunPiece piece_of(const TensorRuns& tensor, int64_t parts, int64_t number) {
  const int64_t run = parts == 1 ? number : number / parts;
  const int64_t offset = (number - run * parts) * BlockPieces::max_length;
  const int64_t left = tensor.length - offset;
  return {run, run * tensor.length + offset, left < BlockPieces::max_length ? left : BlockPieces::max_length};
}

/// Calls body(number, piece, lane) for the pieces that this thread's team takes.
template <int team, typename Body>
__device__ void over_pieces(const TensorRuns& tensor, const TensorBlock& at, const Body& body) {
  const int64_t parts = tensor.parts();
  const int64_t pieces = tensor.runs * parts;
  for (int64_t number = at.thread() / team; number < pieces; number += at.threads() / team) {
    body(number, piece_of(tensor, parts, number), static_cast<int>(threadIdx.x % team));
  }
}

template <int team, typename Scalar>
__device__ void quantize_tensor(const QuantizeRuns& tensor, const TensorBlock& at, GridEnds ends) {
  over_pieces<team>(tensor, at, [&](int64_t, const RunPiece& piece, int lane) {
    Forward<Scalar, QuantizeRuns> body{tensor, tensor.quantizer.grid(piece.run, ends.quant_min, ends.quant_max)};
    over_run<team, Scalar>(body, piece.first, piece.count, tensor.misalignment, lane);
  });
}

template <int team, typename Scalar>
__device__ void differentiate_tensor(const DifferentiateRuns& tensor, const TensorBlock& at, GridEnds ends) {
  over_pieces<team>(tensor, at, [&](int64_t number, const RunPiece& piece, int lane) {
    Backward<Scalar, DifferentiateRuns> body(tensor, tensor.quantizer.grid(piece.run, ends.quant_min, ends.quant_max));
    over_run<team, Scalar>(body, piece.first, piece.count, tensor.misalignment, lane);
    body.template store_sums<team>(number, lane);
  });
}

template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    quantize_kernel(const __grid_constant__ TensorTable<QuantizeRuns> table, GridEnds ends) {
  const TensorBlock at = tensor_block(table);
  const QuantizeRuns& tensor = table.entries[at.tensor];
  if (tensor.by_block) {
    quantize_tensor<block_threads, Scalar>(tensor, at, ends);
  } else {
    quantize_tensor<warp_threads, Scalar>(tensor, at, ends);
  }
}

template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    differentiate_kernel(const __grid_constant__ TensorTable<DifferentiateRuns> table, GridEnds ends) {
  const TensorBlock at = tensor_block(table);
  const DifferentiateRuns& tensor = table.entries[at.tensor];
  if (tensor.by_block) {
    differentiate_tensor<block_threads, Scalar>(tensor, at, ends);
  } else {
    differentiate_tensor<warp_threads, Scalar>(tensor, at, ends);
  }
}

/// Where a run's sums lie: those of its parts, one after the other.
struct RunSums {
  int64_t parts;

  __device__ int64_t sums_per_scale() const { return parts; }
  __device__ int64_t sum_index(int64_t scale, int64_t n) const { return scale * parts + n; }
};

template <int team>
__device__ void reduce_tensor(const DifferentiateRuns& tensor, const TensorBlock& at) {
  const RunSums sums{tensor.parts()};
  for (int64_t scale = at.thread() / team; scale < tensor.runs; scale += at.threads() / team) {
    reduce_scale<team>(tensor, sums, scale, threadIdx.x % team);
  }
}

__global__ void __launch_bounds__(block_threads)
    reduce_kernel(const __grid_constant__ TensorTable<DifferentiateRuns> table) {
  const TensorBlock at = tensor_block(table);
  const DifferentiateRuns& tensor = table.entries[at.tensor];
  if (tensor.parts() >= block_sums) {
    reduce_tensor<block_threads>(tensor, at);
  } else {
    reduce_tensor<warp_threads>(tensor, at);
  }
}

int misalignment_of(FloatFormat format, const void* base, const void* other, int former) {
  switch (format) {
    case FloatFormat::float64:
      return misalignment<double>(base, other, former);
    case FloatFormat::float32:
      return misalignment<float>(base, other, former);
    default:
      return misalignment<__half>(base, other, former);
  }
}

TensorRuns tensor_runs(const math::FakeQuantizeOperands& call, int misalignment) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  return {call.x,
          call.mask,
          {call.quantizer.scale, call.quantizer.zero_points},
          geometry.segments,
          geometry.segment_length,
          misalignment,
          geometry.segment_length >= block_elements};
}

int64_t team_blocks(int64_t units, bool by_block) {
  return by_block ? units : tensor_blocks(units * warp_threads);
}

}  // namespace

QuantizeRuns runs_of(const FakeQuantizeCall& call) {
  return {tensor_runs(call, misalignment_of(call.format, call.x, call.y, 0)), call.y};
}

DifferentiateRuns runs_of(const FakeQuantizeBackwardCall& call) {
  const int grads = misalignment_of(call.format, call.x, call.grad, 0);
  return {tensor_runs(call, misalignment_of(call.format, call.x, call.dx, grads)),
          call.grad,
          call.dx,
          call.sums,
          call.dscale,
          call.dzero_point,
          call.grad_factor};
}

int64_t piece_blocks(const TensorRuns& tensor) {
  return team_blocks(tensor.runs * tensor.parts(), tensor.by_block);
}

int64_t scale_blocks(const TensorRuns& tensor) {
  return team_blocks(tensor.runs, tensor.parts() >= block_sums);
}

void launch_quantize_runs(const TensorTable<QuantizeRuns>& table, FloatFormat format, GridEnds ends,
                          cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  switch (format) {
    case FloatFormat::float32:
      return launch_kernel(quantize_kernel<float>, blocks, stream, table, ends);
    case FloatFormat::float16:
      return launch_kernel(quantize_kernel<__half>, blocks, stream, table, ends);
    case FloatFormat::bfloat16:
      return launch_kernel(quantize_kernel<__nv_bfloat16>, blocks, stream, table, ends);
    case FloatFormat::float64:
      return launch_kernel(quantize_kernel<double>, blocks, stream, table, ends);
  }
}

void launch_differentiate_runs(const TensorTable<DifferentiateRuns>& table, FloatFormat format, GridEnds ends,
                               cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  switch (format) {
    case FloatFormat::float32:
      return launch_kernel(differentiate_kernel<float>, blocks, stream, table, ends);
    case FloatFormat::float16:
      return launch_kernel(differentiate_kernel<__half>, blocks, stream, table, ends);
    case FloatFormat::bfloat16:
      return launch_kernel(differentiate_kernel<__nv_bfloat16>, blocks, stream, table, ends);
    case FloatFormat::float64:
      return launch_kernel(differentiate_kernel<double>, blocks, stream, table, ends);
  }
}

void launch_reduce_runs(const TensorTable<DifferentiateRuns>& table, cudaStream_t stream) {
  launch_kernel(reduce_kernel, table.blocks(), stream, table);
}

}  // namespace compress::cuda
