#include "compress/ops/cpu/isa/fake_quantize_clip_mask.h"

#include "compress/ops/cpu/isa/flags.h"
#include "compress/ops/cpu/isa/grids.h"
#include "compress/ops/cpu/isa/lanes.h"
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

/// One block under one grid, and its bits.
template <typename Product, typename Scalar>
COMPRESS_ISA_INLINE unsigned quantize_block(const Scalar* x, const uint8_t* kept, const math::AffineGrid& grid,
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
    const Vector<Value> result = math::fake_quantize_clipped<Value>(reals, grid, truth);
    store_reals(y + lane, rounded_to<Product>(result));
    inside |= bits_of_lanes<Value>(truth) << lane;
  }
  return inside;
}

COMPRESS_HOST_DEVICE void store_bits(unsigned bits, const uint8_t* kept, int64_t bytes, uint8_t* to) {
  for (int64_t i = 0; i < bytes; ++i) {
    to[i] = static_cast<uint8_t>((bits >> (8 * i)) & (kept == nullptr ? 0xffu : kept[i]));
  }
}

/// A tile under one grid: in registers.
template <typename Product, typename Scalar>
COMPRESS_ISA_INLINE void quantize_tile(const Scalar* x, const uint8_t* kept, const math::AffineGrid& grid,
                                       int64_t count, Scalar* y, uint8_t* clip_mask) {
  int64_t i = 0;
  for (; i + block<Scalar> <= count; i += block<Scalar>) {
    const uint8_t* bits = kept == nullptr ? nullptr : kept + i / 8;
    store_bits(quantize_block<Product>(x + i, bits, grid, y + i), bits, block<Scalar> / 8, clip_mask + i / 8);
  }
  if (i < count) {
    const uint8_t* bits = kept == nullptr ? nullptr : kept + i / 8;
    const Remainder<Scalar> from(x + i, bits, count - i);
    Scalar to[block<Scalar>];
    const unsigned inside = quantize_block<Product>(from.values, bits == nullptr ? nullptr : from.bits, grid, to);
    __builtin_memcpy(y + i, to, static_cast<size_t>(count - i) * sizeof(Scalar));
    store_bits(inside & ((1u << (count - i)) - 1), bits, (count - i + 7) / 8, clip_mask + i / 8);
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
      quantize_tile<Product>(x + begin, kept, *grid, count, y + begin, clip_mask);
    } else {
      quantize_runs<Product>(x + begin, kept, walk, count, y + begin, clip_mask);
    }
  }
}

}  // namespace

void fake_quantize_clip_mask_run(const FakeQuantizeClipMaskCall& call, int64_t element, int64_t byte,
                                 int64_t elements) {
  with_scalar_of(call.format, [&](auto scalar) {
    using Scalar = decltype(scalar);
    if (call.quantizer.geometry.scale_step != 0) {
      return quantize_run<Real<Scalar>, Scalar, ColumnGridWalk>(call, element, byte, elements);
    }
    if constexpr (__is_same(Scalar, double)) {
      if (call.quantizer.geometry.scale_count > 1) {
        return quantize_run<double, Scalar, SharedGridWalk>(call, element, byte, elements);
      }
    }
    quantize_run<float, Scalar, SharedGridWalk>(call, element, byte, elements);
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
