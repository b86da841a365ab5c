#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"

namespace compress::cpu {

/// y = x where its bit is set, else 0, for `elements` neighbours of `element_size` bytes (1, 2, 4 or 8) whose bits
/// begin at bits[0]. y may be x.
COMPRESS_DECLARE_KERNEL(void apply_mask_run(const void* x, const uint8_t* bits, int64_t elements, int element_size,
                                            void* y))

}  // namespace compress::cpu
