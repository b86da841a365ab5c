#include "compress/ops/cpu/isa/distillation_loss.h"

#include <limits>
#include <type_traits>

#include "compress/ops/cpu/isa/exp.h"
#include "compress/ops/cpu/isa/tile.h"
#include "compress/ops/cpu/isa/vector.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

// A row goes through in chunks, whose maxima are found first and which are then still in the first-level cache: one
// sweep over memory, and short chains of single-precision additions.
constexpr int64_t chunk_elements = 1024;

/// Room for a chunk in the type of the arithmetic; none is needed where that is the logits' own.
template <typename Scalar>
struct Buffer {
  alignas(64) Real<Scalar> reals[is_converted<Scalar> ? chunk_elements : 1];
};

/// Calls body(position, student, teacher) on one group's vectors. Lanes behind the end hold -inf, whose exponential is
/// zero.
template <typename Real, typename Body>
COMPRESS_ISA_INLINE void for_each_vector(const Real* student, const Real* teacher, int64_t count, int group,
                                         const Body& body) {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  int64_t i = group * lanes<Real>;
  for (; i + lanes<Real> <= count; i += stripe<Real>) {
    body(i, load(student + i), load(teacher + i));
  }
  if (i < count) {
    body(i, load_part(student + i, count - i, -infinity), load_part(teacher + i, count - i, -infinity));
  }
}

template <typename Real>
COMPRESS_ISA_INLINE void raise_maxima(const Real* student, const Real* teacher, int64_t count,
                                      double inverse_temperature, math::DistillationSums<double>& sums) {
  Vector<Real> student_max = broadcast(static_cast<Real>(sums.student_max));
  Vector<Real> teacher_max = broadcast(static_cast<Real>(sums.teacher_max));
  for (int group = 0; group < groups; ++group) {
    for_each_vector(student, teacher, count, group, [&](int64_t, Vector<Real> s, Vector<Real> t) {
      student_max = s > student_max ? s : student_max;
      teacher_max = t > teacher_max ? t : teacher_max;
    });
  }
  math::move_maxima<double>(sums, maximum<Real>(student_max), maximum<Real>(teacher_max), inverse_temperature);
}

template <bool divergence, bool cross_entropy, typename Real>
COMPRESS_ISA_INLINE void add_chunk(const Real* student, const Real* teacher, int64_t count, double inverse_temperature,
                                   math::DistillationSums<double>& sums) {
  raise_maxima(student, teacher, count, inverse_temperature, sums);
  const Real student_max = static_cast<Real>(sums.student_max);
  const Real teacher_max = static_cast<Real>(sums.teacher_max);
  const Real scale = static_cast<Real>(inverse_temperature);
  math::DistillationSums<double> chunk = math::empty_sums<double>(0);
  for (int group = 0; group < groups; ++group) {
    Vector<Real> student_sum{};
    Vector<Real> teacher_sum{};
    Vector<Real> divergence_sum{};
    Vector<Real> unscaled_sum{};
    for_each_vector(student, teacher, count, group, [&](int64_t, Vector<Real> s, Vector<Real> t) {
      const Vector<Real> c = s - student_max;
      if constexpr (divergence) {
        const Vector<Real> a = (t - teacher_max) * scale;
        const Vector<Real> b = c * scale;
        const Vector<Real> p = exp_of_nonpositive<Real>(a);
        const Vector<Real> term = p * (a - b);
        teacher_sum += p;
        student_sum += exp_of_nonpositive<Real>(b);
        divergence_sum += p == 0 ? Vector<Real>{} : term;  // p log p is 0 at 0, not 0 * -inf
      }
      if constexpr (cross_entropy) {
        unscaled_sum += exp_of_nonpositive<Real>(c);
      }
    });
    chunk.student = add_lanes<Real>(chunk.student, student_sum);
    chunk.teacher = add_lanes<Real>(chunk.teacher, teacher_sum);
    chunk.divergence = add_lanes<Real>(chunk.divergence, divergence_sum);
    chunk.student_unscaled = add_lanes<Real>(chunk.student_unscaled, unscaled_sum);
  }
  sums.student += chunk.student;
  sums.teacher += chunk.teacher;
  sums.divergence += chunk.divergence;
  sums.student_unscaled += chunk.student_unscaled;
}

template <bool divergence, bool cross_entropy, typename Real>
COMPRESS_ISA_INLINE void chunk_gradient(const Real* student, const Real* teacher, int64_t count,
                                        const math::GradientFactors<double>& factors, Real* grad_student) {
  const Real student_max = static_cast<Real>(factors.student_max);
  const Real teacher_max = static_cast<Real>(factors.teacher_max);
  const Real scale = static_cast<Real>(factors.inverse_temperature);
  const Real student_factor = static_cast<Real>(factors.student_factor);
  const Real teacher_factor = static_cast<Real>(factors.teacher_factor);
  const Real unscaled_factor = static_cast<Real>(factors.unscaled_factor);
  const auto body = [&](int64_t i, Vector<Real> s, Vector<Real> t) {
    const Vector<Real> c = s - student_max;
    Vector<Real> result{};
    if constexpr (divergence) {
      result = exp_of_nonpositive<Real>(c * scale) * student_factor -
               exp_of_nonpositive<Real>((t - teacher_max) * scale) * teacher_factor;
    }
    if constexpr (cross_entropy) {
      result += exp_of_nonpositive<Real>(c) * unscaled_factor;
    }
    if (i + lanes<Real> <= count) {
      store(grad_student + i, result);
    } else {
      store_part(grad_student + i, result, count - i);
    }
  };
  for (int group = 0; group < groups; ++group) {
    for_each_vector(student, teacher, count, group, body);
  }
}

template <bool divergence, bool cross_entropy, typename Scalar>
void row_sums(const DistillationRow& row, math::DistillationSums<double>& sums) {
  const auto* student = static_cast<const Scalar*>(row.student);
  const auto* teacher = divergence ? static_cast<const Scalar*>(row.teacher) : student;
  Buffer<Scalar> student_buffer;
  Buffer<Scalar> teacher_buffer;
  for (int64_t begin = 0; begin < row.classes; begin += chunk_elements) {
    const int64_t count = row.classes - begin < chunk_elements ? row.classes - begin : chunk_elements;
    add_chunk<divergence, cross_entropy>(load_tile(student + begin, count, nullptr, student_buffer.reals),
                                         load_tile(teacher + begin, count, nullptr, teacher_buffer.reals), count,
                                         row.inverse_temperature, sums);
  }
}

template <bool divergence, bool cross_entropy, typename Scalar>
void row_gradient(const DistillationRow& row, const math::GradientFactors<double>& factors, void* grad_student) {
  const auto* student = static_cast<const Scalar*>(row.student);
  const auto* teacher = divergence ? static_cast<const Scalar*>(row.teacher) : student;
  auto* grad = static_cast<Scalar*>(grad_student);
  Buffer<Scalar> student_buffer;
  Buffer<Scalar> teacher_buffer;
  for (int64_t begin = 0; begin < row.classes; begin += chunk_elements) {
    const int64_t count = row.classes - begin < chunk_elements ? row.classes - begin : chunk_elements;
    const auto* s = load_tile(student + begin, count, nullptr, student_buffer.reals);
    const auto* t = load_tile(teacher + begin, count, nullptr, teacher_buffer.reals);
    Buffer<Scalar> buffer;
    Real<Scalar>* result = result_of_tile(grad + begin, buffer.reals);
    chunk_gradient<divergence, cross_entropy>(s, t, count, factors, result);
    if (cross_entropy && row.target >= begin && row.target < begin + count) {
      result[row.target - begin] -= static_cast<Real<Scalar>>(factors.target_factor);
    }
    store_tile(result, count, grad + begin);
  }
}

/// Calls body with the row's terms and type: a term of weight zero costs nothing.
template <typename Body>
COMPRESS_ISA_INLINE void with_terms_of(const DistillationRow& row, const Body& body) {
  with_scalar_of(row.format, [&](auto scalar) {
    if (row.divergence && row.cross_entropy) {
      body(std::true_type{}, std::true_type{}, scalar);
    } else if (row.divergence) {
      body(std::true_type{}, std::false_type{}, scalar);
    } else {
      body(std::false_type{}, std::true_type{}, scalar);
    }
  });
}

}  // namespace

void distillation_row_sums(const DistillationRow& row, math::DistillationSums<double>& sums) {
  with_terms_of(row, [&](auto divergence, auto cross_entropy, auto scalar) {
    row_sums<divergence.value, cross_entropy.value, decltype(scalar)>(row, sums);
  });
}

void distillation_row_gradient(const DistillationRow& row, const math::GradientFactors<double>& factors,
                               void* grad_student) {
  with_terms_of(row, [&](auto divergence, auto cross_entropy, auto scalar) {
    row_gradient<divergence.value, cross_entropy.value, decltype(scalar)>(row, factors, grad_student);
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
