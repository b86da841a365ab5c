#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/quantize_run.h"

namespace compress::cuda {
namespace {

using math::BlockPieces;
using math::Piece;

// scale_step 0: a team of threads per piece.
template <int team, typename Scalar>
__global__ void __launch_bounds__(block_threads)
    quantize_runs(const __grid_constant__ FakeQuantizeCall call, const __grid_constant__ BlockPieces pieces,
                  int misalignment) {
  const int lane = threadIdx.x % team;
  for (int64_t number = grid_index() / team; number < pieces.count; number += grid_stride() / team) {
    const Piece piece = pieces.piece(number);
    Forward<Scalar, FakeQuantizeCall> body{call, call.quantizer.grid(piece.scale)};
    over_run<team, Scalar>(body, pieces.element(piece, 0), piece.length, misalignment, lane);
  }
}

template <int team, typename Scalar>
__global__ void __launch_bounds__(block_threads)
    backward_runs(const __grid_constant__ FakeQuantizeBackwardCall call, const __grid_constant__ BlockPieces pieces,
                  int misalignment) {
  const int lane = threadIdx.x % team;
  for (int64_t number = grid_index() / team; number < pieces.count; number += grid_stride() / team) {
    const Piece piece = pieces.piece(number);
    Backward<Scalar, FakeQuantizeBackwardCall> body(call, call.quantizer.grid(piece.scale));
    over_run<team, Scalar>(body, pieces.element(piece, 0), piece.length, misalignment, lane);
    body.template store_sums<team>(number, lane);
  }
}

static_assert(BlockPieces::block_columns == block_threads, "a thread per column");

// scale_step 1: a block per piece, `width` threads along the columns and the others along the runs.
template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    quantize_columns(const __grid_constant__ FakeQuantizeCall call, const __grid_constant__ BlockPieces pieces,
                     int width) {
  const int column = threadIdx.x % width;
  for (int64_t number = blockIdx.x; number < pieces.count; number += gridDim.x) {
    const Piece piece = pieces.piece(number);
    if (column < piece.length) {
      Forward<Scalar, FakeQuantizeCall> body{call, call.quantizer.grid(piece.scale + column)};
      for (int64_t run = threadIdx.x / width; run < piece.runs; run += block_threads / width) {
        body.template take<1>(pieces.element(piece, run) + column);
      }
    }
  }
}

template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    backward_columns(const __grid_constant__ FakeQuantizeBackwardCall call, const __grid_constant__ BlockPieces pieces,
                     int width) {
  __shared__ Real<Scalar> scale_sums[block_threads];
  __shared__ Real<Scalar> zero_point_sums[block_threads];
  const int column = threadIdx.x % width;
  for (int64_t number = blockIdx.x; number < pieces.count; number += gridDim.x) {
    const Piece piece = pieces.piece(number);
    Backward<Scalar, FakeQuantizeBackwardCall> body(
        call, call.quantizer.grid(piece.scale + (column < piece.length ? column : 0)));
    if (column < piece.length) {
      for (int64_t run = threadIdx.x / width; run < piece.runs; run += block_threads / width) {
        body.template take<1>(pieces.element(piece, run) + column);
      }
    }
    if (call.sums != nullptr) {
      __syncthreads();  // the former piece's sums may still be read
      scale_sums[threadIdx.x] = body.scale_sum;
      zero_point_sums[threadIdx.x] = body.zero_point_sum;
      __syncthreads();
      if (threadIdx.x < piece.length) {  // piece.length <= width
        Real<Scalar> scale_sum = 0;
        Real<Scalar> zero_point_sum = 0;
        for (int i = column; i < block_threads; i += width) {
          scale_sum += scale_sums[i];
          zero_point_sum += zero_point_sums[i];
        }
        float* to = call.sums + 2 * (number * BlockPieces::block_columns + column);
        to[0] = static_cast<float>(scale_sum);
        to[1] = static_cast<float>(zero_point_sum);
      }
    }
  }
}

// Second stage: a team of threads per scale.
template <int team>
__global__ void __launch_bounds__(block_threads)
    reduce_sums(const __grid_constant__ FakeQuantizeBackwardCall call, const __grid_constant__ BlockPieces pieces) {
  for (int64_t scale = grid_index() / team; scale < pieces.geometry.scale_count; scale += grid_stride() / team) {
    reduce_scale<team>(call, pieces, scale, threadIdx.x % team);
  }
}

/// Power of two, at least the columns of a piece.
int column_width(const BlockPieces& pieces) {
  int width = 1;
  while (width < block_threads && width < pieces.geometry.segment_length) {
    width *= 2;
  }
  return width;
}

template <typename Scalar>
void launch_forward(const FakeQuantizeCall& call, cudaStream_t stream) {
  const BlockPieces pieces(call.quantizer.geometry);
  if (pieces.geometry.scale_step != 0) {
    launch_kernel(quantize_columns<Scalar>, grid_blocks(pieces.count), stream, call, pieces, column_width(pieces));
    return;
  }
  const int at = misalignment<Scalar>(call.x, call.y, 0);
  if (pieces.geometry.segment_length >= block_elements) {
    launch_kernel(quantize_runs<block_threads, Scalar>, grid_blocks(pieces.count), stream, call, pieces, at);
  } else {
    launch_kernel(quantize_runs<warp_threads, Scalar>, thread_blocks(pieces.count * warp_threads), stream, call, pieces,
                  at);
  }
}

template <typename Scalar>
void launch_backward(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  const BlockPieces pieces(call.quantizer.geometry);
  const int at = misalignment<Scalar>(call.x, call.dx, misalignment<Scalar>(call.x, call.grad, 0));
  if (pieces.geometry.scale_step != 0) {
    launch_kernel(backward_columns<Scalar>, grid_blocks(pieces.count), stream, call, pieces, column_width(pieces));
  } else if (pieces.geometry.segment_length >= block_elements) {
    launch_kernel(backward_runs<block_threads, Scalar>, grid_blocks(pieces.count), stream, call, pieces, at);
  } else {
    launch_kernel(backward_runs<warp_threads, Scalar>, thread_blocks(pieces.count * warp_threads), stream, call, pieces,
                  at);
  }
  if (call.sums == nullptr) {
    return;
  }
  const int64_t scales = pieces.geometry.scale_count;
  if (pieces.sums_per_scale() >= block_sums) {
    launch_kernel(reduce_sums<block_threads>, grid_blocks(scales), stream, call, pieces);
  } else {
    launch_kernel(reduce_sums<warp_threads>, thread_blocks(scales * warp_threads), stream, call, pieces);
  }
}

}  // namespace

void launch_fake_quantize(const FakeQuantizeCall& call, cudaStream_t stream) {
  switch (call.format) {
    case math::FloatFormat::float32:
      return launch_forward<float>(call, stream);
    case math::FloatFormat::float16:
      return launch_forward<__half>(call, stream);
    case math::FloatFormat::bfloat16:
      return launch_forward<__nv_bfloat16>(call, stream);
    case math::FloatFormat::float64:
      return launch_forward<double>(call, stream);
  }
}

void launch_fake_quantize_backward(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  switch (call.format) {
    case math::FloatFormat::float32:
      return launch_backward<float>(call, stream);
    case math::FloatFormat::float16:
      return launch_backward<__half>(call, stream);
    case math::FloatFormat::bfloat16:
      return launch_backward<__nv_bfloat16>(call, stream);
    case math::FloatFormat::float64:
      return launch_backward<double>(call, stream);
  }
}

}  // namespace compress::cuda
