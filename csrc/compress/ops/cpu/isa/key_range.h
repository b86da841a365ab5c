#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"

namespace compress::cpu {

/// The least and the greatest order_key of `elements` neighbours, taken into low[0] and high[0]. x, low and high are
/// signed integers of `element_size` (2, 4 or 8) bytes.
COMPRESS_DECLARE_KERNEL(void key_range_run(const void* x, int64_t elements, int element_size, void* low, void* high))

/// The least and the greatest order_key of each of `groups` neighbours of `length` (> 0) elements, written to
/// low[group] and high[group].
COMPRESS_DECLARE_KERNEL(void key_range_groups(const void* x, int64_t groups, int64_t length, int element_size,
                                              void* low, void* high))

/// Takes the order_key of each element of `rows` neighbours into low[column] and high[column].
COMPRESS_DECLARE_KERNEL(void key_range_columns(const void* x, int64_t rows, int64_t columns, int element_size,
                                               void* low, void* high))

}  // namespace compress::cpu
