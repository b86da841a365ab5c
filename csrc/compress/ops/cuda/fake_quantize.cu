#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cuda {
namespace {

using math::AffineGrid;
using math::BlockPieces;
using math::Piece;

template <typename Scalar>
using Real = decltype(to_real(Scalar()));

/// Walks the bits of neighbouring elements; looks the row up once, then counts.
class MaskCursor {
 public:
  __device__ MaskCursor(const PackedMask& mask, int64_t element) : mask_(mask) {
    if (mask.bytes != nullptr) {
      bit_ = mask.layout.bit_of(element);
      left_in_row_ = mask.layout.is_one_stream() ? INT64_MAX : mask.layout.row - bit_ % (mask.layout.row_bytes * 8);
    }
  }

  __device__ bool next() {
    if (mask_.bytes == nullptr) {
      return true;
    }
    const bool kept = (mask_.bytes[bit_ >> 3] >> (bit_ & 7)) & 1;
    ++bit_;
    if (--left_in_row_ == 0) {
      bit_ = (bit_ + 7) / 8 * 8;
      left_in_row_ = mask_.layout.row;
    }
    return kept;
  }

 private:
  const PackedMask& mask_;
  int64_t bit_ = 0;
  int64_t left_in_row_ = INT64_MAX;
};

/// Forward on `count` elements that a thread holds in registers. ATen's CUDA kernels multiply by the scale in float for
/// every dtype, per channel too, where its CPU kernel takes double for double tensors.
template <typename Scalar>
struct Forward {
  const FakeQuantizeCall& call;
  AffineGrid grid;

  template <int count>
  __device__ void take(int64_t element) {
    using Values = Pack<Scalar, count>;
    Values values = *reinterpret_cast<const Values*>(static_cast<const Scalar*>(call.x) + element);
    MaskCursor mask(call.mask, element);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const Real<Scalar> x = mask.next() ? to_real(values.values[i]) : Real<Scalar>(0);
      from_real(math::fake_quantize<float>(x, grid), values.values[i]);
    }
    *reinterpret_cast<Values*>(static_cast<Scalar*>(call.y) + element) = values;
  }
};

/// Backward on `count` elements, adding to the thread's own sums.
template <typename Scalar>
struct Backward {
  const FakeQuantizeBackwardCall& call;
  AffineGrid grid;
  Real<Scalar> scale_sum = 0;
  Real<Scalar> zero_point_sum = 0;

  __device__ Backward(const FakeQuantizeBackwardCall& call, const AffineGrid& grid) : call(call), grid(grid) {}

  template <int count>
  __device__ void take(int64_t element) {
    using Values = Pack<Scalar, count>;
    Values grads = *reinterpret_cast<const Values*>(static_cast<const Scalar*>(call.grad) + element);
    const Values values = *reinterpret_cast<const Values*>(static_cast<const Scalar*>(call.x) + element);
    MaskCursor mask(call.mask, element);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const bool kept = mask.next();
      const Real<Scalar> zero = 0;
      const Real<Scalar> grad = kept ? to_real(grads.values[i]) : zero;
      const Real<Scalar> x = kept ? to_real(values.values[i]) : zero;
      const auto gradient = math::fake_quantize_backward(grad, x, grid);
      scale_sum += gradient.scale;
      zero_point_sum += gradient.zero_point;
      from_real(gradient.x, grads.values[i]);
    }
    if (call.dx != nullptr) {
      *reinterpret_cast<Values*>(static_cast<Scalar*>(call.dx) + element) = grads;
    }
  }
};

/// The elements of one run spread over a team of threads: singly up to a 16-byte border, then 16 bytes a time, then the
/// rest. `misalignment` is in elements, or negative where the tensors are not aligned alike: then all singly.
template <int team, typename Scalar, typename Body>
__device__ void over_run(Body& body, int64_t first, int64_t count, int misalignment, int lane) {
  constexpr int per_vector = 16 / sizeof(Scalar);
  const int at = misalignment < 0 ? 0 : static_cast<int>((first + misalignment) % per_vector);
  const int64_t to_border = at == 0 ? 0 : per_vector - at;
  const int64_t head = misalignment < 0 || to_border > count ? count : to_border;
  for (int64_t i = lane; i < head; i += team) {
    body.template take<1>(first + i);
  }
  const int64_t vectors = (count - head) / per_vector;
  for (int64_t i = lane; i < vectors; i += team) {
    body.template take<per_vector>(first + head + i * per_vector);
  }
  for (int64_t i = head + vectors * per_vector + lane; i < count; i += team) {
    body.template take<1>(first + i);
  }
}

template <int team, typename T>
__device__ T team_sum(T value) {
  if constexpr (team == block_threads) {
    return block_sum(value);
  } else {
    for (int step = team / 2; step > 0; step /= 2) {
      value += __shfl_down_sync(0xffffffffu, value, step);
    }
    return value;
  }
}

// scale_step 0: a team of threads per piece.
template <int team, typename Scalar>
__global__ void __launch_bounds__(block_threads)
    quantize_runs(const __grid_constant__ FakeQuantizeCall call, const __grid_constant__ BlockPieces pieces,
                  int misalignment) {
  const int lane = threadIdx.x % team;
  for (int64_t number = grid_index() / team; number < pieces.count; number += grid_stride() / team) {
    const Piece piece = pieces.piece(number);
    Forward<Scalar> body{call, call.quantizer.grid(piece.scale)};
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
    Backward<Scalar> body(call, call.quantizer.grid(piece.scale));
    over_run<team, Scalar>(body, pieces.element(piece, 0), piece.length, misalignment, lane);
    if (call.sums != nullptr) {
      const auto scale_sum = team_sum<team>(body.scale_sum);
      const auto zero_point_sum = team_sum<team>(body.zero_point_sum);
      if (lane == 0) {
        call.sums[2 * number] = static_cast<float>(scale_sum);
        call.sums[2 * number + 1] = static_cast<float>(zero_point_sum);
      }
    }
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
      Forward<Scalar> body{call, call.quantizer.grid(piece.scale + column)};
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
    Backward<Scalar> body(call, call.quantizer.grid(piece.scale + (column < piece.length ? column : 0)));
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

// Second stage: a team of threads per scale adds that scale's sums in a fixed order, in double.
template <int team>
__global__ void __launch_bounds__(block_threads)
    reduce_sums(const __grid_constant__ FakeQuantizeBackwardCall call, const __grid_constant__ BlockPieces pieces) {
  const int lane = threadIdx.x % team;
  const int64_t count = pieces.sums_per_scale();
  for (int64_t scale = grid_index() / team; scale < pieces.geometry.scale_count; scale += grid_stride() / team) {
    double scale_sum = 0;
    double zero_point_sum = 0;
    for (int64_t n = lane; n < count; n += team) {
      const int64_t index = pieces.sum_index(scale, n);
      scale_sum += call.sums[2 * index];
      zero_point_sum += call.sums[2 * index + 1];
    }
    scale_sum = team_sum<team>(scale_sum);
    zero_point_sum = team_sum<team>(zero_point_sum);
    if (lane == 0) {
      const double step = call.quantizer.scale[scale];
      if (call.dscale != nullptr) {
        call.dscale[scale] = static_cast<float>(scale_sum * math::scale_unit(step) * call.grad_factor);
      }
      if (call.dzero_point != nullptr) {
        call.dzero_point[scale] = static_cast<float>(zero_point_sum * math::zero_point_unit(step) * call.grad_factor);
      }
    }
  }
}

/// Segments of at least this many elements are worth a whole block, shorter ones a warp.
constexpr int64_t block_elements = 2048;

/// Position of `base` within 16 bytes, in elements; -1 where `other` lies differently. A null `other` is ignored.
template <typename Scalar>
int misalignment(const void* base, const void* other, int former) {
  const auto at = [](const void* pointer) {
    return static_cast<int>(reinterpret_cast<uintptr_t>(pointer) % 16 / sizeof(Scalar));
  };
  return former < 0 || (other != nullptr && at(other) != at(base)) ? -1 : at(base);
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
    quantize_columns<Scalar>
        <<<grid_blocks(pieces.count), block_threads, 0, stream>>>(call, pieces, column_width(pieces));
    return;
  }
  const int at = misalignment<Scalar>(call.x, call.y, 0);
  if (pieces.geometry.segment_length >= block_elements) {
    quantize_runs<block_threads, Scalar><<<grid_blocks(pieces.count), block_threads, 0, stream>>>(call, pieces, at);
  } else {
    quantize_runs<warp_threads, Scalar>
        <<<thread_blocks(pieces.count * warp_threads), block_threads, 0, stream>>>(call, pieces, at);
  }
}

template <typename Scalar>
void launch_backward(const FakeQuantizeBackwardCall& call, cudaStream_t stream) {
  const BlockPieces pieces(call.quantizer.geometry);
  const int at = misalignment<Scalar>(call.x, call.dx, misalignment<Scalar>(call.x, call.grad, 0));
  if (pieces.geometry.scale_step != 0) {
    backward_columns<Scalar>
        <<<grid_blocks(pieces.count), block_threads, 0, stream>>>(call, pieces, column_width(pieces));
  } else if (pieces.geometry.segment_length >= block_elements) {
    backward_runs<block_threads, Scalar><<<grid_blocks(pieces.count), block_threads, 0, stream>>>(call, pieces, at);
  } else {
    backward_runs<warp_threads, Scalar>
        <<<thread_blocks(pieces.count * warp_threads), block_threads, 0, stream>>>(call, pieces, at);
  }
  if (call.sums == nullptr) {
    return;
  }
  const int64_t scales = pieces.geometry.scale_count;
  if (pieces.sums_per_scale() > 1024) {
    reduce_sums<block_threads><<<grid_blocks(scales), block_threads, 0, stream>>>(call, pieces);
  } else {
    reduce_sums<warp_threads><<<thread_blocks(scales * warp_threads), block_threads, 0, stream>>>(call, pieces);
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
