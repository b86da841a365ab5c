#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"

namespace compress::cpu {

/// Writes one bit per weight, from bits[0] on: magnitude_key(weight) > key. `element_size` 2, 4 or 8 bytes; the last
/// byte's padding is 0.
COMPRESS_DECLARE_KERNEL(void magnitude_mask_run(const void* weight, int64_t elements, int element_size, int64_t key,
                                                uint8_t* bits))

}  // namespace compress::cpu
