#pragma once

#include "compress/ops/range_observation.h"

namespace compress::cuda {

/// See compress::ObserveRanges. A few launches for all tensors: those whose runs are their scales share one per dtype
/// and table; another tensor has one of its own.
void observe_ranges(const std::vector<RangeObservation>& observations, const math::RangeRule& rule,
                    const math::GridRule& grid);

}  // namespace compress::cuda
