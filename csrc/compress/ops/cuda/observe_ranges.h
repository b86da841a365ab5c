#pragma once

#include "compress/ops/range_observation.h"

namespace compress::cuda {

/// See compress::ObserveRanges. One or two launches per element size for all tensors whose scales do not vary along a
/// run; those that have a scale per column, or a scale in several runs, take one or two of their own.
void observe_ranges(const std::vector<RangeObservation>& observations, const math::RangeRule& rule,
                    const math::GridRule& grid);

}  // namespace compress::cuda
