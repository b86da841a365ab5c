#include "compress/ops/cpu/isa/apply_mask.h"

#include "compress/ops/cpu/isa/tile.h"

namespace compress::cpu::COMPRESS_ISA {

void apply_mask_run(const void* x, const uint8_t* bits, int64_t elements, int element_size, void* y) {
  switch (element_size) {
    case 1:
      return apply_bits(static_cast<const uint8_t*>(x), bits, elements, static_cast<uint8_t*>(y));
    case 2:
      return apply_bits(static_cast<const uint16_t*>(x), bits, elements, static_cast<uint16_t*>(y));
    case 4:
      return apply_bits(static_cast<const uint32_t*>(x), bits, elements, static_cast<uint32_t*>(y));
    default:
      return apply_bits(static_cast<const uint64_t*>(x), bits, elements, static_cast<uint64_t*>(y));
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
