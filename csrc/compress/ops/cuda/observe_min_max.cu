#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/observe_min_max.h"
#include "compress/ops/math/observe_min_max.h"

namespace compress::cuda {
namespace {

constexpr int64_t run_piece = 8192;  // elements of one run that a warp takes
constexpr int64_t row_piece = 64;    // rows that a thread takes of its column

// 64-bit atomics on `long long`, others on int; 16-bit keys are widened.
template <typename Int>
struct AtomicOf {
  using type = int;
};
template <>
struct AtomicOf<int64_t> {
  using type = long long;
};
template <typename Int>
using Atomic = typename AtomicOf<Int>::type;

template <typename Int>
struct Workspace {
  Atomic<Int>* low;
  Atomic<Int>* high;

  __device__ void take(int64_t scale, const math::KeyRange<Int>& range) const {
    atomicMin(low + scale, static_cast<Atomic<Int>>(range.low));
    atomicMax(high + scale, static_cast<Atomic<Int>>(range.high));
  }
};

template <typename Int>
__global__ void __launch_bounds__(block_threads) clear_kernel(Workspace<Int> ranges, int64_t count) {
  for (int64_t i = grid_index(); i < count; i += grid_stride()) {
    const math::KeyRange<Int> nothing;
    ranges.low[i] = nothing.low;
    ranges.high[i] = nothing.high;
  }
}

// The range of x[0..count) over a warp: single elements up to a 16-byte border, then 16 bytes a load, then the rest.
template <typename Int>
__device__ math::KeyRange<Int> lane_range(const Int* x, int64_t count, int lane) {
  constexpr int64_t per_vector = 16 / sizeof(Int);
  math::KeyRange<Int> range;
  const int64_t misaligned = (reinterpret_cast<uintptr_t>(x) % 16) / sizeof(Int);
  const int64_t until_border = misaligned == 0 ? 0 : per_vector - misaligned;
  const int64_t head = until_border < count ? until_border : count;
  for (int64_t i = lane; i < head; i += warp_threads) {
    range.take(math::order_key(x[i]));
  }
  const auto* vectors = reinterpret_cast<const Sixteen<Int>*>(x + head);
  const int64_t vector_count = (count - head) / per_vector;
  for (int64_t i = lane; i < vector_count; i += warp_threads) {
    const Sixteen<Int> vector = vectors[i];
#pragma unroll
    for (int j = 0; j < per_vector; ++j) {
      range.take(math::order_key(vector.values[j]));
    }
  }
  for (int64_t i = head + vector_count * per_vector + lane; i < count; i += warp_threads) {
    range.take(math::order_key(x[i]));
  }
  return range;
}

template <typename Int>
__device__ math::KeyRange<Int> warp_range(math::KeyRange<Int> range) {
  for (int distance = warp_threads / 2; distance > 0; distance /= 2) {
    math::KeyRange<Int> other;
    other.low = static_cast<Int>(__shfl_xor_sync(0xffffffffu, static_cast<Atomic<Int>>(range.low), distance));
    other.high = static_cast<Int>(__shfl_xor_sync(0xffffffffu, static_cast<Atomic<Int>>(range.high), distance));
    range.take(other);
  }
  return range;
}

// One scale per run: a warp per piece of a run.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    run_kernel(const Int* x, BlockGeometry geometry, int64_t pieces_per_run, Workspace<Int> ranges) {
  const int lane = threadIdx.x % warp_threads;
  const int64_t pieces = geometry.segments * pieces_per_run;
  for (int64_t piece = grid_index() / warp_threads; piece < pieces; piece += grid_stride() / warp_threads) {
    const int64_t run = piece / pieces_per_run;
    const int64_t begin = (piece - run * pieces_per_run) * run_piece;
    const int64_t left = geometry.segment_length - begin;
    const Int* first = x + run * geometry.segment_length + begin;
    const math::KeyRange<Int> range = warp_range(lane_range(first, left < run_piece ? left : run_piece, lane));
    if (lane == 0) {
      ranges.take(geometry.first_scale(run), range);
    }
  }
}

// One scale per column: a thread per column of a piece of the rows that share their scales.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    column_kernel(const Int* x, BlockGeometry geometry, int64_t pieces_per_group, Workspace<Int> ranges) {
  const int64_t columns = geometry.segment_length;
  const int64_t rows = geometry.segments_per_scale();
  const int64_t threads = geometry.scale_count * pieces_per_group;
  for (int64_t thread = grid_index(); thread < threads; thread += grid_stride()) {
    const int64_t scale = thread % geometry.scale_count;
    const int64_t column = scale % columns;
    const int64_t begin = thread / geometry.scale_count * row_piece;
    const int64_t end = begin + row_piece < rows ? begin + row_piece : rows;
    math::KeyRange<Int> range;
    for (int64_t n = begin; n < end; ++n) {
      range.take(math::order_key(x[geometry.segment_of(scale - column, n) * columns + column]));
    }
    ranges.take(scale, range);
  }
}

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    update_kernel(Workspace<Int> ranges, int64_t count, math::FloatFormat format, float averaging, float* min,
                  float* max) {
  for (int64_t i = grid_index(); i < count; i += grid_stride()) {
    math::KeyRange<Int> keys;
    keys.low = static_cast<Int>(ranges.low[i]);
    keys.high = static_cast<Int>(ranges.high[i]);
    const math::Range state = math::observed({min[i], max[i]}, math::range_of_keys(keys, format), averaging);
    min[i] = state.min;
    max[i] = state.max;
  }
}

template <typename Int>
void launch(const void* x, math::FloatFormat format, const BlockGeometry& geometry, float averaging, void* workspace,
            float* min, float* max, cudaStream_t stream) {
  const int64_t count = geometry.scale_count;
  auto* low = static_cast<Atomic<Int>*>(workspace);
  const Workspace<Int> ranges{low, low + count};
  const Int* from = static_cast<const Int*>(x);
  clear_kernel<<<thread_blocks(count), block_threads, 0, stream>>>(ranges, count);
  if (geometry.scale_step == 0) {
    const int64_t pieces = (geometry.segment_length + run_piece - 1) / run_piece;
    const int blocks = thread_blocks(geometry.segments * pieces * warp_threads);
    run_kernel<<<blocks, block_threads, 0, stream>>>(from, geometry, pieces, ranges);
  } else {
    const int64_t pieces = (geometry.segments_per_scale() + row_piece - 1) / row_piece;
    column_kernel<<<thread_blocks(count * pieces), block_threads, 0, stream>>>(from, geometry, pieces, ranges);
  }
  update_kernel<<<thread_blocks(count), block_threads, 0, stream>>>(ranges, count, format, averaging, min, max);
}

}  // namespace

int64_t observe_min_max_workspace(const BlockGeometry& geometry) {
  return 2 * geometry.scale_count * static_cast<int64_t>(sizeof(long long));
}

void launch_observe_min_max(const void* x, math::FloatFormat format, const BlockGeometry& geometry, float averaging,
                            void* workspace, float* min, float* max, cudaStream_t stream) {
  switch (format) {
    case math::FloatFormat::float64:
      return launch<int64_t>(x, format, geometry, averaging, workspace, min, max, stream);
    case math::FloatFormat::float32:
      return launch<int32_t>(x, format, geometry, averaging, workspace, min, max, stream);
    default:
      return launch<int16_t>(x, format, geometry, averaging, workspace, min, max, stream);
  }
}

}  // namespace compress::cuda
