#include "compress/ops/cpu/isa/fake_quantize_clip_mask.h"

#include "compress/ops/cpu/isa/flags.h"
#include "compress/ops/cpu/isa/grids.h"
#include "compress/ops/cpu/isa/lanes.h"
#include "compress/ops/cpu/isa/pairs.h"
#include "compress/ops/cpu/isa/pieces.h"
#include "compress/ops/cpu/isa/tile.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

template <int bytes>
struct FlagOf {
  using type = int32_t;
};
template <>
struct FlagOf<8> {
  using type = int64_t;
};
template <typename Value>
using Flag = typename FlagOf<sizeof(Value)>::type;

template <typename Product, typename Value, typename Grids>
COMPRESS_HOST_DEVICE void quantize(const Value* __restrict__ x, const Grids& grids, int64_t count,
                                   Value* __restrict__ y, Flag<Value>* __restrict__ inside) {
  for (int64_t i = 0; i < count; ++i) {
    bool is_inside;
    y[i] = math::fake_quantize_clipped<Product>(x[i], grids[i], is_inside);
    inside[i] = is_inside ? -1 : 0;
  }
}

/// One block, whose first element has grids[first], and its bits.
template <typename Product, typename Scalar, typename Grids>
COMPRESS_ISA_INLINE unsigned quantize_block(const Scalar* x, const uint8_t* kept, const Grids& grids, int64_t first,
                                            Scalar* y) {
  using Value = Real<Scalar>;
  unsigned inside = 0;
#pragma GCC unroll 4
  for (int lane = 0; lane < block<Scalar>; lane += lanes<Value>) {
    Vector<Value> reals = load_reals(x + lane);
    if (kept != nullptr) {
      reals = keep(reals, kept, lane);
    }
    BitsVector<Value> truth;
    const Vector<Value> result = math::fake_quantize_clipped<Value>(reals, grids_at<Value>(grids, first + lane), truth);
    store_reals(y + lane, rounded_to<Product>(result));
    inside |= bits_of_lanes<Value>(truth) << lane;
  }
  return inside;
}

template <bool by_processor>
COMPRESS_ISA_INLINE unsigned quantize_pairs(const bfloat16* x, const uint8_t* kept, const math::AffineGrid& grid,
                                            bfloat16* y) {
  unsigned inside = 0;
#pragma GCC unroll 4
  for (int i = 0; i < pair_block; i += 2 * lanes<float>) {
    UInt32Vector pairs = load_pairs(x + i);
    if (kept != nullptr) {
      pairs = keep_pairs(pairs, kept, i);
    }
    UInt32Vector even_inside;
    UInt32Vector odd_inside;
    const Vector<float> even = math::fake_quantize_clipped<float>(even_reals(pairs), grid, even_inside);
    const Vector<float> odd = math::fake_quantize_clipped<float>(odd_reals(pairs), grid, odd_inside);
    store_pairs<by_processor>(y + i, even, odd);
    inside |= bits_of_pairs(even_inside, odd_inside) << i;
  }
  return inside;
}

COMPRESS_HOST_DEVICE const uint8_t* from_byte(const uint8_t* kept, int64_t byte) {
  return kept == nullptr ? nullptr : kept + byte;
}

COMPRESS_HOST_DEVICE void store_bits(unsigned bits, const uint8_t* kept, int64_t bytes, uint8_t* to) {
  for (int64_t i = 0; i < bytes; ++i) {
    to[i] = static_cast<uint8_t>((bits >> (8 * i)) & (kept == nullptr ? 0xffu : kept[i]));
  }
}

/// Elements whose bits begin at a byte and of which the first has grids[first]: in registers.
template <typename Product, typename Scalar, typename Grids, typename Length>
COMPRESS_ISA_INLINE void quantize_blocks(const Scalar* x, const uint8_t* kept, const Grids& grids, int64_t first,
                                         Length length, Scalar* y, uint8_t* clip_mask) {
  over_blocks<Scalar>(
      length,
      [&](int64_t i) __attribute__((always_inline)) {
        const uint8_t* bits = from_byte(kept, i / 8);
        const unsigned inside = quantize_block<Product>(x + i, bits, grids, first + i, y + i);
        store_bits(inside, bits, block<Scalar> / 8, clip_mask + i / 8);
      },
      [&](int64_t i, int64_t rest) __attribute__((always_inline)) {
        const uint8_t* bits = from_byte(kept, i / 8);
        const Remainder<Scalar> from(x + i, bits, rest);
        Scalar to[block<Scalar>];
        const unsigned inside =
            quantize_block<Product>(from.values, kept == nullptr ? nullptr : from.bits, grids, first + i, to);
        __builtin_memcpy(y + i, to, static_cast<size_t>(rest) * sizeof(Scalar));
        store_bits(inside & ((1u << rest) - 1), bits, (rest + 7) / 8, clip_mask + i / 8);
      });
}
template <typename Product, typename Length>
COMPRESS_ISA_INLINE void quantize_blocks(const bfloat16* x, const uint8_t* kept, const OneGrid& one, int64_t first,
                                         Length length, bfloat16* y, uint8_t* clip_mask) {
  const int64_t count = number_of(length);
  const int64_t i = over_pair_blocks(
      one.grid, count, [&](int64_t at, const math::AffineGrid& grid, auto by_processor) __attribute__((always_inline)) {
        const uint8_t* bits = from_byte(kept, at / 8);
        const unsigned inside = quantize_pairs<decltype(by_processor)::value>(x + at, bits, grid, y + at);
        store_bits(inside, bits, pair_block / 8, clip_mask + at / 8);
      });
  if (i < count) {
    quantize_blocks<Product, bfloat16, OneGrid>(x + i, from_byte(kept, i / 8), one, first + i, count - i, y + i,
                                                clip_mask + i / 8);
  }
}

/// A tile under several grids, whose runs may end within a byte: flags first, then bits.
template <typename Product, typename Scalar, typename Walk>
COMPRESS_ISA_INLINE void quantize_runs(const Scalar* x, const uint8_t* kept, Walk& walk, int64_t count, Scalar* y,
                                       uint8_t* clip_mask) {
  Real<Scalar> buffer[tile_length];
  Real<Scalar> result_buffer[tile_length];
  Flag<Real<Scalar>> inside[tile_length];
  const Real<Scalar>* reals = load_tile(x, count, kept, buffer);
  Real<Scalar>* results = result_of_tile(y, result_buffer);
  walk.over(
      count, [&](int64_t offset, int64_t length, const auto& grids) __attribute__((always_inline)) {
        quantize<Product>(reals + offset, grids, length, results + offset, inside + offset);
      });
  store_tile(results, count, y);
  pack_flags(inside, count, clip_mask);
  for (int64_t i = 0; kept != nullptr && i < (count + 7) / 8; ++i) {
    clip_mask[i] &= kept[i];
  }
}

template <typename Product, typename Scalar, typename Walk>
void quantize_run(const FakeQuantizeClipMaskCall& call, int64_t element, int64_t byte, int64_t elements) {
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* y = static_cast<Scalar*>(call.y) + element;
  Walk walk(call.quantizer, element);
  for (int64_t begin = 0; begin < elements; begin += tile_length) {
    const int64_t count = elements - begin < tile_length ? elements - begin : tile_length;
    const uint8_t* kept = call.mask.bytes == nullptr ? nullptr : call.mask.bytes + byte + begin / 8;
    uint8_t* clip_mask = call.clip_mask + byte + begin / 8;
    const math::AffineGrid* grid = walk.one_grid_for(count);
    if (grid != nullptr) {
      quantize_blocks<Product>(x + begin, kept, OneGrid{*grid}, 0, count, y + begin, clip_mask);
    } else {
      quantize_runs<Product>(x + begin, kept, walk, count, y + begin, clip_mask);
    }
  }
}

template <typename Product, typename Scalar, typename Grids, typename Length>
COMPRESS_ISA_INLINE void quantize_stretch(const FakeQuantizeClipMaskCall& call, int64_t element, Length length,
                                          const Grids& grids) {
  quantize_blocks<Product>(static_cast<const Scalar*>(call.x) + element, from_byte(call.mask.bytes, element / 8), grids,
                           0, length, static_cast<Scalar*>(call.y) + element, call.clip_mask + element / 8);
}

template <typename Product, typename Scalar>
void quantize_pieces(const FakeQuantizeClipMaskCall& call, const math::BlockPieces& pieces, int64_t begin,
                     int64_t end) {
  over_stretches<Scalar>(
      call.quantizer, call.mask, pieces, begin,
      end, [&](int64_t element, auto length, const auto& grids) __attribute__((always_inline)) {
        quantize_stretch<Product, Scalar>(call, element, length, grids);
      });
}

}  // namespace

void fake_quantize_clip_mask_pieces(const FakeQuantizeClipMaskCall& call, const math::BlockPieces& pieces,
                                    int64_t begin, int64_t end) {
  with_types_of(call.format, call.quantizer, [&](auto scalar, auto product) {
    quantize_pieces<decltype(product), decltype(scalar)>(call, pieces, begin, end);
  });
}

void fake_quantize_clip_mask_run(const FakeQuantizeClipMaskCall& call, int64_t element, int64_t byte,
                                 int64_t elements) {
  with_types_of(call.format, call.quantizer, [&](auto scalar, auto product) {
    using Scalar = decltype(scalar);
    using Product = decltype(product);
    if (call.quantizer.geometry.scale_step != 0) {
      quantize_run<Product, Scalar, ColumnGridWalk>(call, element, byte, elements);
    } else {
      quantize_run<Product, Scalar, SharedGridWalk>(call, element, byte, elements);
    }
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
