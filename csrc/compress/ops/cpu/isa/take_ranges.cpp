#include "compress/ops/cpu/isa/take_ranges.h"

#include <type_traits>

#include "compress/ops/cpu/isa/tile.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

template <typename Scalar, typename Int>
COMPRESS_ISA_INLINE void floats_of_keys(const Int* keys, int64_t count, float* __restrict floats) {
  if constexpr (sizeof(Scalar) == 2) {
    Int bits[most_ranges];
    for (int64_t i = 0; i < count; ++i) {
      bits[i] = math::order_key(keys[i]);
    }
    to_reals(reinterpret_cast<const Scalar*>(bits), count, floats);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      floats[i] = static_cast<float>(math::bit_cast<Scalar>(math::order_key(keys[i])));
    }
  }
}

template <bool folds>
void take(const float* __restrict low, const float* __restrict high, const float* __restrict fold_factor, int64_t count,
          math::RangeRule rule, float* __restrict min, float* __restrict max) {
  for (int64_t i = 0; i < count; ++i) {
    math::Range batch = math::range_of_ends(low[i], high[i]);
    if constexpr (folds) {
      batch = math::scaled(batch, fold_factor[i]);
    }
    const math::Range range = rule.next({min[i], max[i]}, batch);
    min[i] = range.min;
    max[i] = range.max;
  }
}

template <typename Scalar, typename Int>
void take_keys(const Int* low, const Int* high, int64_t first, int64_t count, const math::RangeRule& rule,
               const math::ObserverState& state) {
  float lows[most_ranges];
  float highs[most_ranges];
  floats_of_keys<Scalar>(low, count, lows);
  floats_of_keys<Scalar>(high, count, highs);
  if (state.fold_factor != nullptr) {
    take<true>(lows, highs, state.fold_factor + first, count, rule, state.min + first, state.max + first);
  } else {
    take<false>(lows, highs, nullptr, count, rule, state.min + first, state.max + first);
  }
}

}  // namespace

void take_ranges(const void* low, const void* high, int64_t first, int64_t count, math::FloatFormat format,
                 const math::RangeRule& rule, const math::ObserverState& state) {
  with_scalar_of(format, [&](auto zero) {
    using Scalar = decltype(zero);
    using Int = std::make_signed_t<typename BitsOf<sizeof(Scalar)>::type>;
    take_keys<Scalar>(static_cast<const Int*>(low), static_cast<const Int*>(high), first, count, rule, state);
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
