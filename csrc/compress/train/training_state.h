#pragma once

#include <cstdint>
#include <optional>

#include "compress/core/duration.h"

namespace compress::train {

/// Where a run stands: plain data, what state.json holds. Position in the data and every schedule follow from `step`.
struct TrainingState {
  int64_t step = 0;  ///< optimizer steps done
  RunLength run;
  std::optional<double> best_accuracy;  ///< on the test data, of all evaluations so far

  double epoch() const { return static_cast<double>(step) / static_cast<double>(run.steps_per_epoch); }
};

}  // namespace compress::train
