#include "compress/ops/cpu/isa/key_range.h"

#include "compress/ops/math/float_order.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

template <typename Int>
void take_run(const Int* x, int64_t elements, Int* low, Int* high) {
  Int least = *low;
  Int greatest = *high;
  for (int64_t i = 0; i < elements; ++i) {
    const Int key = math::order_key(x[i]);
    least = key < least ? key : least;
    greatest = key > greatest ? key : greatest;
  }
  *low = least;
  *high = greatest;
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
  switch (element_size) {
    case 2:
      return take_run(static_cast<const int16_t*>(x), elements, static_cast<int16_t*>(low),
                      static_cast<int16_t*>(high));
    case 4:
      return take_run(static_cast<const int32_t*>(x), elements, static_cast<int32_t*>(low),
                      static_cast<int32_t*>(high));
    default:
      return take_run(static_cast<const int64_t*>(x), elements, static_cast<int64_t*>(low),
                      static_cast<int64_t*>(high));
  }
}

void key_range_columns(const void* x, int64_t columns, int element_size, void* low, void* high) {
  switch (element_size) {
    case 2:
      return take_columns(static_cast<const int16_t*>(x), columns, static_cast<int16_t*>(low),
                          static_cast<int16_t*>(high));
    case 4:
      return take_columns(static_cast<const int32_t*>(x), columns, static_cast<int32_t*>(low),
                          static_cast<int32_t*>(high));
    default:
      return take_columns(static_cast<const int64_t*>(x), columns, static_cast<int64_t*>(low),
                          static_cast<int64_t*>(high));
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
