#pragma once

#include <cmath>
#include <cstdint>

#include "compress/core/macros.h"

// The scalar formulas of distillation_loss. A row has student logits s and teacher logits t; with T the temperature
//   p = softmax(t / T), q = softmax(s / T), KL = sum p (log p - log q), CE = -log softmax(s)[target].
// All is relative to the row's largest logits, so that nothing overflows and large logits lose no digits.

namespace compress::math {

/// Sums over the part of a row seen so far, with a = (t - teacher_max) / T, b = (s - student_max) / T and
/// c = s - student_max.
template <typename Real>
struct DistillationSums {
  Real student_max;
  Real teacher_max;
  Real student;           ///< sum e^b
  Real teacher;           ///< sum e^a
  Real divergence;        ///< sum e^a (a - b)
  Real student_unscaled;  ///< sum e^c
};

/// `lowest` is the lowest finite number of the logits' arithmetic: relative to it masked logits (-inf) count e^-inf =
/// 0.
template <typename Real>
COMPRESS_HOST_DEVICE DistillationSums<Real> empty_sums(Real lowest) {
  return {lowest, lowest, 0, 0, 0, 0};
}

/// Makes the sums relative to new maxima, none smaller than the old.
template <typename Real>
COMPRESS_HOST_DEVICE void move_maxima(DistillationSums<Real>& sums, Real student_max, Real teacher_max,
                                      Real inverse_temperature) {
  if (!(student_max > sums.student_max) && !(teacher_max > sums.teacher_max)) {
    return;
  }
  const Real student_rise = student_max - sums.student_max;
  const Real student_shift = student_rise * inverse_temperature;
  const Real teacher_shift = (teacher_max - sums.teacher_max) * inverse_temperature;
  const Real teacher_factor = std::exp(-teacher_shift);
  // Where nothing was seen yet, or what was seen has become improbable beyond the numbers, nothing is there to be
  // moved: an infinite shift or divergence times zero would be NaN.
  sums.divergence = sums.teacher == 0 || teacher_factor == 0
                        ? Real(0)
                        : teacher_factor * (sums.divergence + (student_shift - teacher_shift) * sums.teacher);
  sums.teacher *= teacher_factor;
  sums.student *= std::exp(-student_shift);
  sums.student_unscaled *= std::exp(-student_rise);
  sums.student_max = student_max;
  sums.teacher_max = teacher_max;
}

/// KL(p || q) of a row from its whole sums; NaN for a row without a finite logit.
template <typename Real>
COMPRESS_HOST_DEVICE double divergence_of(const DistillationSums<Real>& sums) {
  const double teacher = static_cast<double>(sums.teacher);
  return static_cast<double>(sums.divergence) / teacher - std::log(teacher) +
         std::log(static_cast<double>(sums.student));
}

/// -log softmax(s)[target] of a row from its whole sums.
template <typename Real>
COMPRESS_HOST_DEVICE double cross_entropy_of(const DistillationSums<Real>& sums, double target_logit) {
  return static_cast<double>(sums.student_max) - target_logit + std::log(static_cast<double>(sums.student_unscaled));
}

/// A row with this target is left out of the cross entropy, as torch's ignore_index.
constexpr int64_t ignored_target = -100;

/// What the backward keeps of a row: five numbers of the accumulation type.
constexpr int row_statistics = 5;

/// Real is the statistics' type.
template <typename Real, typename Sum>
COMPRESS_HOST_DEVICE void write_statistics(const DistillationSums<Sum>& sums, Real* statistics) {
  statistics[0] = static_cast<Real>(sums.student_max);
  statistics[1] = static_cast<Real>(sums.teacher_max);
  statistics[2] = static_cast<Real>(1 / sums.student);
  statistics[3] = static_cast<Real>(1 / sums.teacher);
  statistics[4] = static_cast<Real>(1 / sums.student_unscaled);
}

/// The loss from its sums over rows. A term of weight zero is left out, so that it cannot make the loss NaN. The mean
/// over no rows, and over no counted rows, is NaN, as torch's.
COMPRESS_HOST_DEVICE double combined_loss(double divergence_sum, double rows, double cross_entropy_sum,
                                          double counted_rows, double temperature, double alpha) {
  const double divergence = alpha > 0 ? alpha * temperature * temperature * (divergence_sum / rows) : 0;
  const double cross_entropy = alpha < 1 ? (1 - alpha) * (cross_entropy_sum / counted_rows) : 0;
  return divergence + cross_entropy;
}

/// What the gradients of a row's two terms are multiplied by.
struct GradientWeights {
  double divergence;
  double cross_entropy;
};

COMPRESS_HOST_DEVICE GradientWeights gradient_weights(double grad, double rows, double counted_rows, double temperature,
                                                      double alpha) {
  return {alpha > 0 ? grad * alpha * temperature / rows : 0, alpha < 1 ? grad * (1 - alpha) / counted_rows : 0};
}

/// dloss/ds_i = student_factor e^b - teacher_factor e^a + unscaled_factor e^c, less target_factor at the target.
template <typename Real>
struct GradientFactors {
  Real student_max;
  Real teacher_max;
  Real inverse_temperature;
  Real student_factor;   ///< grad alpha T / rows / sum e^b
  Real teacher_factor;   ///< grad alpha T / rows / sum e^a
  Real unscaled_factor;  ///< grad (1 - alpha) / counted rows / sum e^c; 0 in an ignored row
  Real target_factor;    ///< grad (1 - alpha) / counted rows; 0 in an ignored row
};

template <typename Real, typename Statistic>
COMPRESS_HOST_DEVICE GradientFactors<Real> gradient_factors(const Statistic* statistics, double divergence_weight,
                                                            double target_weight, double inverse_temperature) {
  return {static_cast<Real>(statistics[0]),
          static_cast<Real>(statistics[1]),
          static_cast<Real>(inverse_temperature),
          static_cast<Real>(divergence_weight * static_cast<double>(statistics[2])),
          static_cast<Real>(divergence_weight * static_cast<double>(statistics[3])),
          target_weight == 0 ? Real(0) : static_cast<Real>(target_weight * static_cast<double>(statistics[4])),
          static_cast<Real>(target_weight)};
}

}  // namespace compress::math
