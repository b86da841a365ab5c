#include "compress/ops/cpu/isa/fake_quantize.h"

#include "compress/ops/cpu/isa/lanes.h"
#include "compress/ops/cpu/isa/pairs.h"
#include "compress/ops/cpu/isa/pieces.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

using math::BlockPieces;

template <typename Product, bool masked, typename Scalar, typename Grids>
COMPRESS_ISA_INLINE void quantize_block(const Scalar* x, const uint8_t* bits, const Grids& grids, int64_t i,
                                        Scalar* y) {
  using Value = Real<Scalar>;
#pragma GCC unroll 4
  for (int lane = 0; lane < block<Scalar>; lane += lanes<Value>) {
    Vector<Value> reals = load_reals(x + lane);
    if constexpr (masked) {
      reals = keep(reals, bits, lane);
    }
    const Vector<Value> result = math::fake_quantize<Value>(reals, grids_at<Value>(grids, i + lane));
    store_reals(y + lane, rounded_to<Product>(result));
  }
}

template <bool by_processor, bool masked>
COMPRESS_ISA_INLINE void quantize_pairs(const bfloat16* x, const uint8_t* bits, const math::AffineGrid& grid,
                                        bfloat16* y) {
#pragma GCC unroll 4
  for (int i = 0; i < pair_block; i += 2 * lanes<float>) {
    UInt32Vector pairs = load_pairs(x + i);
    if constexpr (masked) {
      pairs = keep_pairs(pairs, bits, i);
    }
    store_pairs<by_processor>(y + i, math::fake_quantize<float>(even_reals(pairs), grid),
                              math::fake_quantize<float>(odd_reals(pairs), grid));
  }
}

template <typename Product, bool masked, typename Scalar, typename Grids, typename Length>
COMPRESS_ISA_INLINE void quantize(const Scalar* x, const uint8_t* bits, const Grids& grids, int64_t first,
                                  Length length, Scalar* y) {
  over_blocks<Scalar>(
      length,
      [&](int64_t i) __attribute__((always_inline)) {
        quantize_block<Product, masked>(x + i, bits + i / 8, grids, first + i, y + i);
      },
      [&](int64_t i, int64_t count) {
        const Remainder<Scalar> from(x + i, masked ? bits + i / 8 : nullptr, count);
        Scalar to[block<Scalar>];
        quantize_block<Product, masked>(from.values, from.bits, grids, first + i, to);
        __builtin_memcpy(y + i, to, static_cast<size_t>(count) * sizeof(Scalar));
      });
}

/// bfloat16 under one grid: in pairs, then what is left of them.
template <typename Product, bool masked, typename Length>
COMPRESS_ISA_INLINE void quantize(const bfloat16* x, const uint8_t* bits, const OneGrid& one, int64_t first,
                                  Length length, bfloat16* y) {
  const int64_t count = number_of(length);
  const int64_t i = over_pair_blocks(
      one.grid, count, [&](int64_t at, const math::AffineGrid& grid, auto by_processor) __attribute__((always_inline)) {
        quantize_pairs<decltype(by_processor)::value, masked>(x + at, bits + at / 8, grid, y + at);
      });
  if (i < count) {
    quantize<Product, masked, bfloat16, OneGrid>(x + i, bits + i / 8, one, first + i, count - i, y + i);
  }
}

/// The elements from `element` on, of which the first has grids[0].
template <typename Product, bool masked, typename Scalar, typename Grids, typename Length>
COMPRESS_ISA_INLINE void quantize_run(const FakeQuantizeCall& call, int64_t element, Length length,
                                      const Grids& grids) {
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* y = static_cast<Scalar*>(call.y) + element;
  over_mask<masked>(
      call.mask, element, length, [&](const uint8_t* bits, int64_t begin, auto part) __attribute__((always_inline)) {
        quantize<Product, masked>(x + begin, bits, grids, begin, part, y + begin);
      });
}

template <typename Product, bool masked, typename Scalar>
void quantize_pieces(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  over_stretches<Scalar>(
      call.quantizer, call.mask, pieces, begin,
      end, [&](int64_t element, auto length, const auto& grids) __attribute__((always_inline)) {
        quantize_run<Product, masked, Scalar>(call, element, length, grids);
      });
}

}  // namespace

void fake_quantize_pieces(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  with_types_of(call.format, call.quantizer, [&](auto scalar, auto product) {
    using Scalar = decltype(scalar);
    using Product = decltype(product);
    if (call.mask.bytes == nullptr) {
      quantize_pieces<Product, false, Scalar>(call, pieces, begin, end);
    } else {
      quantize_pieces<Product, true, Scalar>(call, pieces, begin, end);
    }
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
