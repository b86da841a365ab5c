#include "compress/ops/cpu/isa/gather_between.h"

#include "compress/ops/cpu/isa/gather_keys.h"

namespace compress::cpu::COMPRESS_ISA {

Gathered gather_between(const void* weight, int64_t elements, int element_size, int64_t low, int64_t high, void* keys) {
  return math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    return gather_keys(static_cast<const Int*>(weight), elements, static_cast<Int>(low), static_cast<Int>(high),
                       static_cast<Int*>(keys));
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
