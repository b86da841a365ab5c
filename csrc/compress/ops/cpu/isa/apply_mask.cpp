#include "compress/ops/cpu/isa/apply_mask.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

template <typename UInt>
void select(const UInt* x, const uint8_t* bits, int64_t elements, UInt* y) {
  typedef UInt Eight __attribute__((vector_size(8 * sizeof(UInt))));
  const Eight lane_bit = {1, 2, 4, 8, 16, 32, 64, 128};
  int64_t i = 0;
  for (; i + 8 <= elements; i += 8) {
    Eight values;
    __builtin_memcpy(&values, x + i, sizeof(values));
    const Eight byte = Eight{} + bits[i / 8];
    values &= reinterpret_cast<Eight>((byte & lane_bit) == lane_bit);
    __builtin_memcpy(y + i, &values, sizeof(values));
  }
  for (; i < elements; ++i) {
    y[i] = static_cast<UInt>((bits[i / 8] >> (i % 8)) & 1 ? x[i] : 0);
  }
}

}  // namespace

void apply_mask_run(const void* x, const uint8_t* bits, int64_t elements, int element_size, void* y) {
  switch (element_size) {
    case 1:
      return select(static_cast<const uint8_t*>(x), bits, elements, static_cast<uint8_t*>(y));
    case 2:
      return select(static_cast<const uint16_t*>(x), bits, elements, static_cast<uint16_t*>(y));
    case 4:
      return select(static_cast<const uint32_t*>(x), bits, elements, static_cast<uint32_t*>(y));
    default:
      return select(static_cast<const uint64_t*>(x), bits, elements, static_cast<uint64_t*>(y));
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
