#include "compress/ops/cpu/isa/fake_quantize_clip_mask.h"

#include "compress/ops/cpu/isa/flags.h"
#include "compress/ops/cpu/isa/grids.h"
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

template <typename Product, typename Scalar, typename Walk>
void quantize_run(const FakeQuantizeClipMaskCall& call, int64_t element, int64_t byte, int64_t elements) {
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* y = static_cast<Scalar*>(call.y) + element;
  Real<Scalar> buffer[tile_length];
  Real<Scalar> result_buffer[tile_length];
  Flag<Real<Scalar>> inside[tile_length];
  Walk walk(call.quantizer, element);
  for (int64_t begin = 0; begin < elements; begin += tile_length) {
    const int64_t count = elements - begin < tile_length ? elements - begin : tile_length;
    const uint8_t* kept = call.mask.bytes == nullptr ? nullptr : call.mask.bytes + byte + begin / 8;
    uint8_t* clip_mask = call.clip_mask + byte + begin / 8;
    const Real<Scalar>* reals = load_tile(x + begin, count, kept, buffer);
    Real<Scalar>* results = result_of_tile(y + begin, result_buffer);
    walk.over(
        count, [&](int64_t offset, int64_t length, const auto& grids) __attribute__((always_inline)) {
          quantize<Product>(reals + offset, grids, length, results + offset, inside + offset);
        });
    store_tile(results, count, y + begin);
    pack_flags(inside, count, clip_mask);
    for (int64_t i = 0; kept != nullptr && i < (count + 7) / 8; ++i) {
      clip_mask[i] &= kept[i];
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
