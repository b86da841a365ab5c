#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/range_observation.h"

namespace compress::cuda {
namespace {

constexpr int64_t run_piece = 8192;  // elements of one run that a warp takes
constexpr int64_t row_piece = 64;    // rows that a thread takes of its column

__host__ __device__ int64_t pieces_of_run(int64_t length) {
  return (length + run_piece - 1) / run_piece;
}

/// Calls body with a zero of the integer type that has the format's width.
template <typename Body>
auto with_integer_of_format(math::FloatFormat format, const Body& body) {
  switch (format) {
    case math::FloatFormat::float64:
      return body(int64_t{});
    case math::FloatFormat::float32:
      return body(int32_t{});
    default:
      return body(int16_t{});
  }
}

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

/// The bounds of the scales from one on: 8 bytes each for every type, so that tensors of all types share a workspace.
template <typename Int>
struct Bounds {
  long long* lows;
  long long* highs;

  __device__ Atomic<Int>* low(int64_t scale) const { return reinterpret_cast<Atomic<Int>*>(lows + scale); }
  __device__ Atomic<Int>* high(int64_t scale) const { return reinterpret_cast<Atomic<Int>*>(highs + scale); }

  __device__ void take(int64_t scale, const math::KeyRange<Int>& range) const {
    atomicMin(low(scale), static_cast<Atomic<Int>>(range.low));
    atomicMax(high(scale), static_cast<Atomic<Int>>(range.high));
  }
};

template <typename Int>
__host__ __device__ Bounds<Int> bounds_of(const RangeWorkspace& workspace, int64_t first) {
  auto* low = static_cast<long long*>(workspace.memory) + first;
  return {low, low + workspace.scales};
}

template <typename Int>
__global__ void __launch_bounds__(block_threads) clear_kernel(Bounds<Int> bounds, int64_t count) {
  for (int64_t i = grid_index(); i < count; i += grid_stride()) {
    const math::KeyRange<Int> nothing;
    *bounds.low(i) = nothing.low;
    *bounds.high(i) = nothing.high;
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

// The part of a piece of a run that a warp takes; valid in lane 0.
template <typename Int>
__device__ math::KeyRange<Int> piece_range(const Int* x, int64_t length, int64_t run, int64_t piece_of_run, int lane) {
  const int64_t begin = piece_of_run * run_piece;
  const int64_t left = length - begin;
  return warp_range(lane_range(x + run * length + begin, left < run_piece ? left : run_piece, lane));
}

// One scale per run: a warp per piece of a run.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    run_kernel(const Int* x, BlockGeometry geometry, int64_t pieces_per_run, Bounds<Int> bounds) {
  const int lane = threadIdx.x % warp_threads;
  const int64_t pieces = geometry.segments * pieces_per_run;
  for (int64_t piece = grid_index() / warp_threads; piece < pieces; piece += grid_stride() / warp_threads) {
    const int64_t run = piece / pieces_per_run;
    const auto range = piece_range(x, geometry.segment_length, run, piece - run * pieces_per_run, lane);
    if (lane == 0) {
      bounds.take(geometry.first_scale(run), range);
    }
  }
}

// The same for many tensors whose runs are their scales.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    runs_table_kernel(const __grid_constant__ RangeRunsTable table, const __grid_constant__ RangeWorkspace workspace) {
  const TensorBlock at = tensor_block(table);
  const RangeRuns& tensor = table.entries[at.tensor];
  const Bounds<Int> bounds = bounds_of<Int>(workspace, tensor.first_bound);
  const int lane = threadIdx.x % warp_threads;
  const int64_t pieces_per_run = pieces_of_run(tensor.length);
  const int64_t pieces = tensor.runs * pieces_per_run;
  for (int64_t piece = at.thread() / warp_threads; piece < pieces; piece += at.threads() / warp_threads) {
    const int64_t run = pieces_per_run == 1 ? piece : piece / pieces_per_run;
    const auto range =
        piece_range(static_cast<const Int*>(tensor.x), tensor.length, run, piece - run * pieces_per_run, lane);
    if (lane == 0) {
      bounds.take(run, range);
    }
  }
}

// One scale per column: a thread per column of a piece of the rows that share their scales.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    column_kernel(const Int* x, BlockGeometry geometry, int64_t pieces_per_group, Bounds<Int> bounds) {
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
    bounds.take(scale, range);
  }
}

template <typename Int>
__device__ math::Range range_as(const RangeWorkspace& workspace, int64_t bound, math::FloatFormat format) {
  const Bounds<Int> bounds = bounds_of<Int>(workspace, bound);
  math::KeyRange<Int> keys;
  keys.low = static_cast<Int>(*bounds.low(0));
  keys.high = static_cast<Int>(*bounds.high(0));
  return math::range_of_keys(keys, format);
}

__device__ math::Range range_of(const RangeWorkspace& workspace, int64_t bound, math::FloatFormat format) {
  switch (format) {
    case math::FloatFormat::float64:
      return range_as<int64_t>(workspace, bound, format);
    case math::FloatFormat::float32:
      return range_as<int32_t>(workspace, bound, format);
    default:
      return range_as<int16_t>(workspace, bound, format);
  }
}

__global__ void __launch_bounds__(block_threads)
    update_kernel(const __grid_constant__ RangeTargetTable table, const __grid_constant__ RangeWorkspace workspace,
                  math::RangeRule rule, math::GridRule grid) {
  const TensorBlock at = tensor_block(table);
  const RangeTarget& target = table.entries[at.tensor];
  for (int64_t i = at.thread(); i < target.scales; i += at.threads()) {
    const math::Range range = range_of(workspace, target.first_bound + i, target.format);
    target.state.take(i, range, rule, grid);
  }
}

template <typename Int>
void reduce_one(const void* x, const BlockGeometry& geometry, const Bounds<Int>& bounds, cudaStream_t stream) {
  const Int* from = static_cast<const Int*>(x);
  if (geometry.scale_step == 0) {
    const int64_t pieces = pieces_of_run(geometry.segment_length);
    const int blocks = thread_blocks(geometry.segments * pieces * warp_threads);
    launch_kernel(run_kernel<Int>, blocks, stream, from, geometry, pieces, bounds);
  } else {
    const int64_t pieces = (geometry.segments_per_scale() + row_piece - 1) / row_piece;
    const int blocks = thread_blocks(geometry.scale_count * pieces);
    launch_kernel(column_kernel<Int>, blocks, stream, from, geometry, pieces, bounds);
  }
}

}  // namespace

int64_t range_blocks(const RangeRuns& runs) {
  return tensor_blocks(runs.runs * pieces_of_run(runs.length) * warp_threads);
}

int64_t range_blocks(const RangeTarget& target) {
  return tensor_blocks(target.scales);
}

void launch_clear_ranges(math::FloatFormat format, const RangeWorkspace& workspace, int64_t first_bound, int64_t scales,
                         cudaStream_t stream) {
  with_integer_of_format(format, [&](auto zero) {
    launch_kernel(clear_kernel<decltype(zero)>, thread_blocks(scales), stream,
                  bounds_of<decltype(zero)>(workspace, first_bound), scales);
  });
}

void launch_reduce_ranges(math::FloatFormat format, const RangeRunsTable& table, const RangeWorkspace& workspace,
                          cudaStream_t stream) {
  with_integer_of_format(format, [&](auto zero) {
    launch_kernel(runs_table_kernel<decltype(zero)>, table.blocks(), stream, table, workspace);
  });
}

void launch_reduce_ranges(math::FloatFormat format, const void* x, const BlockGeometry& geometry,
                          const RangeWorkspace& workspace, int64_t first_bound, cudaStream_t stream) {
  with_integer_of_format(
      format, [&](auto zero) { reduce_one(x, geometry, bounds_of<decltype(zero)>(workspace, first_bound), stream); });
}

void launch_update_ranges(const RangeTargetTable& table, const RangeWorkspace& workspace, const math::RangeRule& rule,
                          const math::GridRule& grid, cudaStream_t stream) {
  launch_kernel(update_kernel, table.blocks(), stream, table, workspace, rule, grid);
}

}  // namespace compress::cuda
