#include "compress/ops/cuda/over_piece.h"
#include "compress/ops/cuda/partial_index.h"
#include "compress/ops/cuda/range_observation.h"
#include "compress/ops/cuda/team_range.h"

namespace compress::cuda {
namespace {

using math::KeyRange;

constexpr int at_once = 4;  // accesses in flight per thread

/// A range as the second stage reads it.
template <typename Int>
using Partial = Pack<Int, 2>;

template <typename Int>
__device__ void take_range(const math::ObserverState& state, int64_t scale, const KeyRange<Int>& range,
                           math::FloatFormat format, const ObserverRules& rules) {
  state.take(scale, math::range_of_keys(range, format), rules.range, rules.grid);
}

/// The elements that one thread has of a piece.
template <typename Int>
struct PieceRange {
  const Int* x;
  KeyRange<Int> range;

  template <int count>
  __device__ __forceinline__ auto load(int64_t element) const {
    return load_pack<count>(x + element);
  }

  template <int count>
  __device__ __forceinline__ void use(int64_t, const Pack<Int, count>& loaded) {
#pragma unroll
    for (int i = 0; i < count; ++i) {
      range.take(math::order_key(loaded.values[i]));
    }
  }
};

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    range_runs(const __grid_constant__ RangeRunsTable table, const __grid_constant__ ObserverRules rules) {
  const TensorBlock at = tensor_block(table);
  const RangeRuns& tensor = table.entries[at.tensor];
  const Team team(tensor.team);
  team.over_jobs(at, tensor.pieces.count(), [&](int64_t number, bool is_piece) {
    PieceRange<Int> body{static_cast<const Int*>(tensor.x), {}};
    if (is_piece) {
      const RunPieces::Piece piece = tensor.pieces.piece(number);
      over_piece<16 / sizeof(Int), at_once>(team, piece.first, piece.length, tensor.alignment, body);
    }
    const KeyRange<Int> range = team_range(team, body.range);
    if (!is_piece || team.lane() != 0) {
      return;
    }
    if (tensor.partials != nullptr) {
      static_cast<Partial<Int>*>(tensor.partials)[number] = {range.low, range.high};
    } else {
      take_range(tensor.state, number, range, tensor.format, rules);
    }
  });
}

template <typename Int, int count>
__global__ void __launch_bounds__(block_threads)
    range_columns(const Int* x, const __grid_constant__ ColumnTiles tiles, math::FloatFormat format,
                  const __grid_constant__ math::ObserverState state, const __grid_constant__ ObserverRules rules,
                  Partial<Int>* partials) {
  __shared__ Int lows[count][block_threads];
  __shared__ Int highs[count][block_threads];
  for (int64_t tile = blockIdx.x; tile < tiles.tiles(); tile += gridDim.x) {
    const auto share = tiles.share<count>(tile);
    KeyRange<Int> own[count];
    over_items<at_once>(
        share.row, tiles.depth(), share.rows, [&](int row) { return load_pack<count>(x + tiles.element(share, row)); },
        [&](int, const Pack<Int, count>& loaded) {
#pragma unroll
          for (int i = 0; i < count; ++i) {
            own[i].take(math::order_key(loaded.values[i]));
          }
        });
    __syncthreads();  // the former tile's ranges may still be read
#pragma unroll
    for (int i = 0; i < count; ++i) {
      lows[i][threadIdx.x] = own[i].low;
      highs[i][threadIdx.x] = own[i].high;
    }
    __syncthreads();
    if (share.row != 0 || share.rows == 0) {
      continue;
    }
#pragma unroll
    for (int i = 0; i < count; ++i) {
      KeyRange<Int> range;
      for (int thread = static_cast<int>(threadIdx.x); thread < tiles.depth() * tiles.width();
           thread += tiles.width()) {
        range.take(key_range(lows[i][thread], highs[i][thread]));
      }
      if (partials != nullptr) {
        partials[share.first_sum + i] = {range.low, range.high};
      } else {
        take_range(state, share.first_scale + i, range, format, rules);
      }
    }
  }
}

/// Second stage: a team takes the ranges of scale number `scale`. index(n) says where the n-th of `count` lies; a count
/// of 0 only keeps the team's warp company.
template <typename Int, typename Index>
__device__ void update_scale(const Team& team, const math::ObserverState& state, math::FloatFormat format,
                             const Partial<Int>* partials, int64_t scale, int64_t count, const ObserverRules& rules,
                             const Index& index) {
  KeyRange<Int> range;
  over_partials<at_once>(
      team, count, [&](int64_t n) { return partials[index(n)]; },
      [&](const Partial<Int>& partial) { range.take(key_range(partial.values[0], partial.values[1])); });
  range = team_range(team, range);
  if (team.lane() == 0 && count > 0) {
    take_range(state, scale, range, format, rules);
  }
}

COMPRESS_HOST_DEVICE TeamSize team_of_partials(int64_t per_scale) {
  return TeamSize::of(per_scale, at_once);
}

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    update_runs(const __grid_constant__ RangeRunsTable table, const __grid_constant__ ObserverRules rules) {
  const TensorBlock at = tensor_block(table);
  const RangeRuns& tensor = table.entries[at.tensor];
  const int64_t parts = tensor.pieces.parts();
  const Team team(team_of_partials(parts));
  team.over_jobs(at, tensor.pieces.runs(), [&](int64_t run, bool is_run) {
    update_scale<Int>(team, tensor.state, tensor.format, static_cast<const Partial<Int>*>(tensor.partials), run,
                      is_run ? parts : 0, rules, [&](int64_t n) { return run * parts + n; });
  });
}

template <typename Int, typename Partials>
__global__ void __launch_bounds__(block_threads)
    update_ranges(const __grid_constant__ math::ObserverState state, math::FloatFormat format,
                  const Partial<Int>* memory, const __grid_constant__ Partials partials, int64_t scales,
                  int64_t per_scale, TeamSize size, const __grid_constant__ ObserverRules rules) {
  const Team team(size);
  team.over_jobs(whole_grid(), scales, [&](int64_t scale, bool is_scale) {
    update_scale<Int>(team, state, format, memory, scale, is_scale ? per_scale : 0, rules,
                      [&](int64_t n) { return partials.index(scale, n); });
  });
}

template <typename Int, typename Partials>
void launch_update(const RangeCall& call, const Partials& partials, int64_t per_scale, const ObserverRules& rules,
                   cudaStream_t stream) {
  const int64_t scales = call.geometry.scale_count;
  const TeamSize team = team_of_partials(per_scale);
  launch_kernel(update_ranges<Int, Partials>, thread_blocks(team.threads(scales)), stream, call.state, call.format,
                static_cast<const Partial<Int>*>(call.partials), partials, scales, per_scale, team, rules);
}

ColumnTiles tiles_of(const RangeCall& call) {
  const int bytes = bytes_of(call.format);
  return {call.geometry, columns_per_thread(bytes, call.geometry.segment_length, Alignment(bytes, call.x))};
}

}  // namespace

RangeRuns::RangeRuns(const RangeCall& call)
    : x(call.x),
      format(call.format),
      pieces(call.geometry.segments, call.geometry.segment_length),
      alignment(bytes_of(call.format), call.x),
      team(pieces.team(16 / bytes_of(call.format), at_once)),
      state(call.state),
      partials(call.partials) {}

int64_t range_partial_bytes(const RangeCall& call) {
  int64_t count;
  if (call.geometry.scale_step == 0) {
    count = RangeRuns(call).pieces.count();
    count = count == call.geometry.scale_count ? 0 : count;
  } else {
    const ColumnTiles tiles = tiles_of(call);
    count = tiles.sums_per_scale() == 1 ? 0 : tiles.sums();
  }
  const int64_t bytes = count * 2 * bytes_of(call.format);
  return (bytes + 15) / 16 * 16;
}

int64_t piece_blocks(const RangeRuns& tensor) {
  return tensor_blocks(tensor.team.threads(tensor.pieces.count()));
}

int64_t scale_blocks(const RangeRuns& tensor) {
  return tensor_blocks(team_of_partials(tensor.pieces.parts()).threads(tensor.pieces.runs()));
}

void launch_range_runs(int bytes, const RangeRunsTable& table, const ObserverRules& rules, cudaStream_t stream) {
  math::with_integer_of(
      bytes, [&](auto zero) { launch_kernel(range_runs<decltype(zero)>, table.blocks(), stream, table, rules); });
}

void launch_update_runs(int bytes, const RangeRunsTable& table, const ObserverRules& rules, cudaStream_t stream) {
  math::with_integer_of(
      bytes, [&](auto zero) { launch_kernel(update_runs<decltype(zero)>, table.blocks(), stream, table, rules); });
}

void launch_range_columns(const RangeCall& call, const ObserverRules& rules, cudaStream_t stream) {
  math::with_integer_of(bytes_of(call.format), [&](auto zero) {
    using Int = decltype(zero);
    const Alignment alignment(sizeof(Int), call.x);
    with_columns_per_thread<Int>(call.geometry.segment_length, alignment, [&](auto count) {
      const ColumnTiles tiles(call.geometry, count);
      launch_kernel(range_columns<Int, count>, grid_blocks(tiles.tiles()), stream, static_cast<const Int*>(call.x),
                    tiles, call.format, call.state, rules, static_cast<Partial<Int>*>(call.partials));
    });
  });
}

void launch_update_ranges(const RangeCall& call, const ObserverRules& rules, cudaStream_t stream) {
  math::with_integer_of(bytes_of(call.format), [&](auto zero) {
    using Int = decltype(zero);
    if (call.geometry.scale_step == 0) {
      const int64_t parts = RangeRuns(call).pieces.parts();
      launch_update<Int>(call, PartialsOfRuns(call.geometry, parts), call.geometry.segments_per_scale() * parts, rules,
                         stream);
    } else {
      const ColumnTiles tiles = tiles_of(call);
      launch_update<Int>(call, PartialsOfColumns{tiles}, tiles.sums_per_scale(), rules, stream);
    }
  });
}

}  // namespace compress::cuda
