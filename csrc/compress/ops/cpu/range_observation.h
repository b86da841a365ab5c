#pragma once

#include "compress/ops/range_observation.h"

namespace compress::cpu {

/// See compress::ObserveRanges. One parallel region over all tensors, and one for the states of scales whose elements
/// several threads took.
void observe_ranges(const std::vector<RangeObservation>& observations, const math::RangeRule& rule,
                    const math::GridRule& grid);

}  // namespace compress::cpu
