#include "compress/ops/cpu/isa/fake_quantize.h"
#include "compress/ops/cpu/isa/lanes.h"
#include "compress/ops/cpu/isa/pieces.h"
#include "compress/ops/cpu/isa/scale_sums.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

using math::BlockPieces;
using math::Piece;

/// A masked element is x = 0 with gradient 0: inside every grid, and no term of any sum. So is what fills a block up.
template <bool writes_dx, bool masked, typename Scalar, typename Grids, typename Sums>
COMPRESS_ISA_INLINE void backward_block(const Scalar* grad, const Scalar* x, const uint8_t* bits, const Grids& grids,
                                        int64_t i, Scalar* dx, Sums& sums) {
  using Value = Real<Scalar>;
#pragma GCC unroll 4
  for (int lane = 0; lane < block<Scalar>; lane += lanes<Value>) {
    Vector<Value> grads = loaded_whole(load_reals(grad + lane));
    Vector<Value> reals = loaded_whole(load_reals(x + lane));
    if constexpr (masked) {
      grads = keep(grads, bits, lane);
      reals = keep(reals, bits, lane);
    }
    const auto gradient = math::fake_quantize_backward(grads, reals, grids_at<Value>(grids, i + lane));
    if constexpr (writes_dx) {
      store_exact(dx + lane, gradient.x);  // a gradient, or 0
    }
    sums.add(i, lane, gradient);
  }
}

template <bool writes_dx, bool masked, typename Scalar, typename Grids, typename Sums, typename Length>
COMPRESS_ISA_INLINE void backward(const Scalar* grad, const Scalar* x, const uint8_t* bits, const Grids& grids,
                                  int64_t first, Length length, Scalar* dx, Sums& sums) {
  over_blocks<Scalar>(
      length,
      [&](int64_t i) __attribute__((always_inline)) {
        backward_block<writes_dx, masked>(grad + i, x + i, bits + i / 8, grids, first + i, dx + i, sums);
      },
      [&](int64_t i, int64_t count) __attribute__((always_inline)) {
        const uint8_t* last_bits = masked ? bits + i / 8 : nullptr;
        const Remainder<Scalar> grads(grad + i, last_bits, count);
        const Remainder<Scalar> reals(x + i, last_bits, count);
        Scalar to[block<Scalar>];
        backward_block<writes_dx, masked>(grads.values, reals.values, reals.bits, grids, first + i, to, sums);
        if constexpr (writes_dx) {
          __builtin_memcpy(dx + i, to, static_cast<size_t>(count) * sizeof(Scalar));
        }
      });
}

/// The elements from `element` on, of which the first has grids[0].
template <typename Scalar, bool writes_dx, bool masked, typename Grids, typename Sums, typename Length>
COMPRESS_ISA_INLINE void backward_run(const FakeQuantizeBackwardCall& call, int64_t element, Length length,
                                      const Grids& grids, Sums& sums) {
  const Scalar* grad = static_cast<const Scalar*>(call.grad) + element;
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* dx = static_cast<Scalar*>(call.dx) + (writes_dx ? element : 0);
  over_mask<masked>(
      call.mask, element, length, [&](const uint8_t* bits, int64_t begin, auto part) __attribute__((always_inline)) {
        Scalar* to = writes_dx ? dx + begin : dx;
        backward<writes_dx, masked>(grad + begin, x + begin, bits, grids, begin, part, to, sums);
      });
}

template <typename Scalar, bool writes_dx, bool masked, typename Sums, typename Length>
COMPRESS_ISA_INLINE void backward_groups(const FakeQuantizeBackwardCall& call, Length length, int64_t begin,
                                         int64_t end) {
  over_group_grids(
      call.quantizer, begin, end, [&](int64_t first, int64_t count, const auto& grids) __attribute__((always_inline)) {
        const auto sums_of = [&](int64_t i) __attribute__((always_inline)) {
          Sums sums;
          const int64_t element = (first + i) * length;
          backward_run<Scalar, writes_dx, masked>(call, element, WholeBlocks{length}, OneGrid{grids[i]}, sums);
          return sums;
        };
        int64_t i = 0;
        for (; i + 4 <= count; i += 4) {
          const Sums a = sums_of(i), b = sums_of(i + 1), c = sums_of(i + 2), d = sums_of(i + 3);
          Sums::store(a, b, c, d, call.sums + 2 * (first + i));
        }
        for (; i < count; ++i) {
          sums_of(i).store(call.sums + 2 * (first + i));
        }
      });
}

/// `Sums` holds the sums of a piece under one scale, `Columns` under one scale per column.
template <typename Scalar, bool writes_dx, bool masked, typename Sums, typename Columns>
void backward_pieces(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  const auto sums_of = [&](int64_t number) {
    return call.sums == nullptr ? nullptr : call.sums + 2 * number * pieces.sums_per_piece();
  };
  const int64_t length = call.quantizer.geometry.segment_length;
  if (call.quantizer.geometry.scale_step != 0) {
    over_column_grids(
        call.quantizer, pieces, begin, end,
        [&](int64_t number, const Piece& piece, int64_t columns, const ColumnGrids& grids)
            __attribute__((always_inline)) {
              Columns sums;
              for (int64_t run = 0; run < piece.runs; ++run) {
                const int64_t element = element_of(pieces, piece, run);
                backward_run<Scalar, writes_dx, masked>(call, element, columns, grids, sums);
              }
              sums.store(sums_of(number), columns);
            });
  } else if (!are_groups(pieces, call.mask, block<Scalar>)) {
    over_piece_grids(
        call.quantizer, pieces, begin, end,
        [&](int64_t number, int64_t element, int64_t elements, const OneGrid& grid) __attribute__((always_inline)) {
          Sums sums;
          backward_run<Scalar, writes_dx, masked>(call, element, elements, grid, sums);
          sums.store(sums_of(number));
        });
  } else if (length == 32) {
    backward_groups<Scalar, writes_dx, masked, Sums>(call, Known<32>{}, begin, end);
  } else {
    backward_groups<Scalar, writes_dx, masked, Sums>(call, length, begin, end);
  }
}

template <typename Scalar, bool masked>
void backward_as(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  using Value = Real<Scalar>;
  if (call.sums == nullptr) {
    backward_pieces<Scalar, true, masked, NoSums, NoSums>(call, pieces, begin, end);
  } else if (call.dx == nullptr) {
    backward_pieces<Scalar, false, masked, LaneSums<Value, true>, ColumnSums<Value, true>>(call, pieces, begin, end);
  } else if (call.wants_zero_point) {
    backward_pieces<Scalar, true, masked, LaneSums<Value, true>, ColumnSums<Value, true>>(call, pieces, begin, end);
  } else {
    backward_pieces<Scalar, true, masked, LaneSums<Value, false>, ColumnSums<Value, false>>(call, pieces, begin, end);
  }
}

}  // namespace

void fake_quantize_backward_pieces(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin,
                                   int64_t end) {
  with_scalar_of(call.format, [&](auto scalar) {
    using Scalar = decltype(scalar);
    if (call.mask.bytes == nullptr) {
      backward_as<Scalar, false>(call, pieces, begin, end);
    } else {
      backward_as<Scalar, true>(call, pieces, begin, end);
    }
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
