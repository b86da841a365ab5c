#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"

namespace compress::cpu {

/// What `gather_between` writes behind the last gathered key, at most: room in elements.
inline constexpr int64_t gather_overhang = 32;

struct Gathered {
  int64_t keys;   ///< how many were gathered
  int64_t below;  ///< how many weights' keys are below `low`
};

/// Gathers the magnitude_keys low..high, in order. Keys are as wide as the weights, `element_size`
/// 2, 4 or 8 bytes; `keys` has room for `elements` and gather_overhang more.
COMPRESS_DECLARE_KERNEL(Gathered gather_between(const void* weight, int64_t elements, int element_size, int64_t low,
                                                int64_t high, void* keys))

}  // namespace compress::cpu
