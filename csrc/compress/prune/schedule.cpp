#include "compress/prune/schedule.h"

namespace compress::prune {

double SparsitySchedule::sparsity_at(int64_t step) const {
  if (step < start) {
    return 0.0;
  }
  if (type == ScheduleType::constant || step >= end) {
    return target;
  }
  const double left = 1.0 - static_cast<double>(step - start) / static_cast<double>(end - start);
  return target + (initial - target) * left * left * left;
}

bool SparsitySchedule::due(int64_t step) const {
  if (type == ScheduleType::constant) {
    return step == start;
  }
  return step == end || (step >= start && step < end && (step - start) % every == 0);
}

}  // namespace compress::prune
