#pragma once

#include <cstdint>

#include "compress/core/duration.h"
#include "compress/optim/options.h"

namespace compress::optim {

/// The learning rate of optimizer step `step`, counted from 0, where `base` is the optimizer's own.
///
/// With w warm-up steps: base * (step + 1) / w while step < w, so that the last of them has the full rate. After that,
/// with t = step - w:
///   constant  base
///   cosine    final + (base - final) * (1 + cos(pi * t / (total_steps - w))) / 2, final = base * final_fraction; stays
///             at final from total_steps on
///   step      base * factor ^ floor(t / every)
///
/// The formulas of torch's LinearLR (start_factor 1 / w, total_iters w - 1), CosineAnnealingLR (T_max = total_steps -
/// w) and StepLR behind a SequentialLR. Worked example: base 0.1, w = 4, 100 steps, cosine to 0: steps 0 to 3 have
/// 0.025, 0.05, 0.075, 0.1; step 4 has 0.1, step 52 has 0.05, step 99 has 0.00003.
///
/// Raises UsageError where `every` comes to no steps at all.
double learning_rate(const LearningRateOptions& options, double base, int64_t step, const RunLength& run);

}  // namespace compress::optim
