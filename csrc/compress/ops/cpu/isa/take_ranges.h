#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/range_update.h"

namespace compress::cpu {

/// Scales of one call, at most: their keys stay in the first-level cache.
inline constexpr int64_t most_ranges = 256;

/// ObserverState::take of scales first..first + count - 1, count <= most_ranges: low[i] and high[i] are the least and
/// the greatest order_key of scale first + i, of elements of `format`. Chooses no grids.
COMPRESS_DECLARE_KERNEL(void take_ranges(const void* low, const void* high, int64_t first, int64_t count,
                                         math::FloatFormat format, const math::RangeRule& rule,
                                         const math::ObserverState& state))

}  // namespace compress::cpu
