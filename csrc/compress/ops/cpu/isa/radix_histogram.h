#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/magnitude_threshold.h"

namespace compress::cpu {

/// Adds to bins[d] how many weights have digit d, among those whose magnitude_key shares `prefix` above the digit.
/// `element_size` 2, 4 or 8 bytes.
COMPRESS_DECLARE_KERNEL(void radix_histogram(const void* weight, int64_t elements, int element_size, int64_t prefix,
                                             math::RadixDigit digit, int64_t* bins))

}  // namespace compress::cpu
