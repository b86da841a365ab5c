#include "compress/optim/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "compress/core/error.h"

namespace compress::optim {
namespace {

double cosine(double base, double final_fraction, int64_t step, int64_t steps) {
  if (step >= steps) {
    return base * final_fraction;
  }
  const double angle = std::numbers::pi * static_cast<double>(step) / static_cast<double>(steps);
  return base * (final_fraction + (1 - final_fraction) * (1 + std::cos(angle)) / 2);
}

double step_decay(double base, const LearningRateOptions& options, int64_t step, const RunLength& run) {
  const int64_t every = options.every.resolve(run);
  check<UsageError>(every > 0, "learning_rate.every: ", options.every.text(),
                    " of this run is less than one step; give ", "a longer one");
  return base * std::pow(options.factor, static_cast<double>(step / every));
}

}  // namespace

double learning_rate(const LearningRateOptions& options, double base, int64_t step, const RunLength& run) {
  const int64_t warmup = options.warmup.resolve(run);
  if (step < warmup) {
    return base * static_cast<double>(step + 1) / static_cast<double>(warmup);
  }
  switch (options.decay) {
    case Decay::cosine:
      return cosine(base, options.final_fraction, step - warmup, run.total_steps - warmup);
    case Decay::step:
      return step_decay(base, options, step - warmup, run);
    case Decay::constant:
      break;
  }
  return base;
}

}  // namespace compress::optim
