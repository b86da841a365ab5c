#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/cpu/isa/number.h"
#include "compress/ops/math/distillation_loss.h"

namespace compress::cpu {

inline constexpr int64_t no_target = -1;

/// One row of logits. A term of weight zero is not computed; without the divergence `teacher` is not read.
struct DistillationRow {
  const void* student;
  const void* teacher;
  int64_t classes;
  math::FloatFormat format;
  double inverse_temperature;
  bool divergence;
  bool cross_entropy;
  int64_t target;  ///< a class, or no_target
};

/// Takes the row into `sums`, which starts as math::empty_sums of the row's arithmetic.
COMPRESS_DECLARE_KERNEL(void distillation_row_sums(const DistillationRow& row, math::DistillationSums<double>& sums))

/// The gradient of the row's student logits, in the row's own type.
COMPRESS_DECLARE_KERNEL(void distillation_row_gradient(const DistillationRow& row,
                                                       const math::GradientFactors<double>& factors,
                                                       void* grad_student))

}  // namespace compress::cpu
