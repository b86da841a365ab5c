#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/nm_mask.h"

namespace compress::cpu {

/// The bits of `chunks` neighbouring chunks, the first at bit 0 of bits[0]; the last byte's padding is 0.
/// `element_size` 2, 4 or 8 bytes. `kept` is scratch of a byte per element, rounded up to a multiple of 8.
COMPRESS_DECLARE_KERNEL(void nm_mask_run(const void* score, int element_size, int64_t nan_key,
                                         const math::NmGroups& groups, int64_t chunks, uint8_t* kept, uint8_t* bits))

}  // namespace compress::cpu
