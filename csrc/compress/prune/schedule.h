#pragma once

#include <cstdint>

#include "compress/core/names.h"

namespace compress::prune {

enum class ScheduleType { constant, cubic };

/// Which share of the weights is pruned at which optimizer step. Steps count from 0.
///   constant  `target` from `start` on
///   cubic     Zhu & Gupta 2017, eq. 1: target + (initial - target) * (1 - (step - start) / (end - start))^3,
///             moved every `every` steps and at `end`, so that the network recovers in between
/// Before `start` nothing is pruned.
struct SparsitySchedule {
  ScheduleType type = ScheduleType::cubic;
  double initial = 0.0;
  double target = 0.9;
  int64_t start = 0;
  int64_t end = 0;  ///< cubic only
  int64_t every = 1;

  double sparsity_at(int64_t step) const;
  /// Whether masks move at this step.
  bool due(int64_t step) const;
};

}  // namespace compress::prune

namespace compress {

template <>
inline constexpr auto enum_names<prune::ScheduleType> = std::to_array<EnumName<prune::ScheduleType>>({
    {prune::ScheduleType::constant, "constant", "the full sparsity from `start` on"},
    {prune::ScheduleType::cubic, "cubic", "from `initial` to the full sparsity between `start` and `end`, fast first"},
});

}  // namespace compress
