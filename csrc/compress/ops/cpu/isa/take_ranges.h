#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/range_update.h"

namespace compress::cpu {

/// ObserverState::take of scales first..first + count - 1: low[i] and high[i] are the least and the greatest order_key
/// of scale first + i, of elements of `format`. Chooses no grids.
COMPRESS_DECLARE_KERNEL(void take_ranges(const void* low, const void* high, int64_t first, int64_t count,
                                         math::FloatFormat format, const math::RangeRule& rule,
                                         const math::ObserverState& state))

}  // namespace compress::cpu
