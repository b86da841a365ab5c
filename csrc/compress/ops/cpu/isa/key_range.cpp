#include "compress/ops/cpu/isa/key_range.h"

#include "compress/ops/math/observe_min_max.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

template <typename Int>
void take_run(const Int* x, int64_t elements, Int* low, Int* high) {
  math::KeyRange<Int> range{*low, *high};
  for (int64_t i = 0; i < elements; ++i) {
    range.take(math::order_key(x[i]));
  }
  *low = range.low;
  *high = range.high;
}

template <typename Int>
void take_columns(const Int* __restrict x, int64_t columns, Int* __restrict low, Int* __restrict high) {
  for (int64_t i = 0; i < columns; ++i) {
    const Int key = math::order_key(x[i]);
    low[i] = key < low[i] ? key : low[i];
    high[i] = key > high[i] ? key : high[i];
  }
}

}  // namespace

void key_range_run(const void* x, int64_t elements, int element_size, void* low, void* high) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    take_run(static_cast<const Int*>(x), elements, static_cast<Int*>(low), static_cast<Int*>(high));
  });
}

void key_range_columns(const void* x, int64_t columns, int element_size, void* low, void* high) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    take_columns(static_cast<const Int*>(x), columns, static_cast<Int*>(low), static_cast<Int*>(high));
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
