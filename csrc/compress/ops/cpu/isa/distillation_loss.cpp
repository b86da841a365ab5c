#include "compress/ops/cpu/isa/distillation_loss.h"

#include <cstddef>
#include <limits>
#include <type_traits>

#include "compress/ops/cpu/isa/exp.h"
#include "compress/ops/cpu/isa/tile.h"
#include "compress/ops/cpu/isa/vector.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

// A row goes through in chunks, whose maxima are found first and which are then still in the first-level cache: one
// sweep over memory, and short chains of single-precision additions.
constexpr int64_t chunk_elements = 2048;

/// A chunk is read as lines of so many columns, each added up on its own, whatever the vectors' width: so the bits are
/// the same on every instruction set. Packs of `step` columns run down all lines, one pack after the other.
template <typename Real>
inline constexpr int columns = 256 / static_cast<int>(sizeof(Real));
template <typename Real>
inline constexpr int step = side_by_side* lanes<Real>;
static_assert(columns<float> % step<float> == 0 && chunk_elements % columns<float> == 0);

/// Room for a chunk in the type of the arithmetic.
template <typename Scalar>
struct Buffer {
  alignas(64) Real<Scalar> reals[chunk_elements];
};

template <typename Real, typename Scalar>
COMPRESS_ISA_INLINE Pack<Real> load_pack(const Scalar* from) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return load_reals(from + k * lanes<Real>); });
}

template <typename Real, typename Scalar>
COMPRESS_ISA_INLINE void store_pack(Scalar* to, const Pack<Real>& pack) {
#pragma GCC unroll 4
  for (int k = 0; k < side_by_side; ++k) {
    store_reals(to + k * lanes<Real>, pack.vectors[k]);
  }
}

/// What combine makes of all columns: halves are combined until one is left, in the same order everywhere.
template <int count = 0, typename Real, typename Combine>
COMPRESS_ISA_INLINE Real over_columns(Real* x, const Combine& combine) {
  constexpr int half = (count == 0 ? columns<Real> : count) / 2;
  for (int i = 0; i < half; ++i) {
    x[i] = combine(x[i], x[i + half]);
  }
  if constexpr (half > 1) {
    return over_columns<half>(x, combine);
  }
  return x[0];
}

template <typename Real>
COMPRESS_ISA_INLINE double sum_over_columns(Real* x) {
  return over_columns(x, [](Real a, Real b) { return a + b; });
}

/// A chunk of logits as reals, up to whole lines: -inf, whose exponential is zero, behind the end.
template <typename Scalar>
COMPRESS_ISA_INLINE const Real<Scalar>* load_chunk(const Scalar* x, int64_t count, int64_t padded,
                                                   Real<Scalar>* buffer) {
  const Real<Scalar>* reals = load_tile(x, count, nullptr, buffer);
  if (count == padded) {
    return reals;
  }
  if (reals != buffer) {
    __builtin_memcpy(buffer, reals, static_cast<size_t>(count) * sizeof(*reals));
  }
  for (int64_t i = count; i < padded; ++i) {
    buffer[i] = -std::numeric_limits<Real<Scalar>>::infinity();
  }
  return buffer;
}

/// The largest of whole lines and `at_least`; NaN is passed over.
template <typename Real>
COMPRESS_ISA_INLINE Real maximum(const Real* x, int64_t padded, Real at_least) {
  Real column_maxima[columns<Real>];
  for (int part = 0; part < columns<Real>; part += step<Real>) {
    Pack<Real> maxima = pack_of<Real>([&](int) __attribute__((always_inline)) { return broadcast(at_least); });
    for (int64_t i = part; i < padded; i += columns<Real>) {
      maxima = pack_of<Real>([&](int k) __attribute__((always_inline)) {
        const Vector<Real> v = load(x + i + k * lanes<Real>);
        return v > maxima.vectors[k] ? v : maxima.vectors[k];
      });
    }
    store_pack(column_maxima + part, maxima);
  }
  return over_columns(column_maxima, [](Real a, Real b) { return b > a ? b : a; });
}

/// e^x = 2^(x log2(e)): what a row's logits, relative to the largest, are multiplied by.
template <typename Real>
struct Exponents {
  Real student_max;
  Real teacher_max;
  Real scale;  // log2(e) / T

  COMPRESS_ISA_INLINE Exponents(double student_max, double teacher_max, double inverse_temperature)
      : student_max(static_cast<Real>(student_max)),
        teacher_max(static_cast<Real>(teacher_max)),
        scale(static_cast<Real>(inverse_temperature * log2_e<double>)) {}
};

template <bool divergence, bool cross_entropy, typename Real>
COMPRESS_ISA_INLINE void add_chunk(const Real* student, const Real* teacher, int64_t padded, double inverse_temperature,
                                   math::DistillationSums<double>& sums) {
  math::move_maxima<double>(sums, maximum(student, padded, static_cast<Real>(sums.student_max)),
                            maximum(teacher, padded, static_cast<Real>(sums.teacher_max)), inverse_temperature);
  const Exponents<Real> exponents(sums.student_max, sums.teacher_max, inverse_temperature);
  Real student_sums[columns<Real>];
  Real teacher_sums[columns<Real>];
  Real divergence_sums[columns<Real>];
  Real unscaled_sums[columns<Real>];
  for (int part = 0; part < columns<Real>; part += step<Real>) {
    Pack<Real> student_sum{};
    Pack<Real> teacher_sum{};
    Pack<Real> divergence_sum{};
    Pack<Real> unscaled_sum{};
    for (int64_t i = part; i < padded; i += columns<Real>) {
      const Pack<Real> c = load_pack<Real>(student + i) - exponents.student_max;
      if constexpr (divergence) {
        const Pack<Real> b = c * exponents.scale;
        const Pack<Real> a = (load_pack<Real>(teacher + i) - exponents.teacher_max) * exponents.scale;
        student_sum = student_sum + exp2_of_nonpositive(b);
        const Pack<Real> p = exp2_of_nonpositive(a);
        teacher_sum = teacher_sum + p;
        const Pack<Real> term = p * (a - b);
        divergence_sum = divergence_sum + pack_of<Real>([&](int k) __attribute__((always_inline)) {
                           // p log p is 0 at 0, not 0 * -inf
                           const auto bits = reinterpret_cast<BitsVector<Real>>(p.vectors[k]);
                           return bits == 0 ? Vector<Real>{} : term.vectors[k];
                         });
      }
      if constexpr (cross_entropy) {
        unscaled_sum = unscaled_sum + exp2_of_nonpositive(c * log2_e<Real>);
      }
    }
    store_pack(student_sums + part, student_sum);
    store_pack(teacher_sums + part, teacher_sum);
    store_pack(divergence_sums + part, divergence_sum);
    store_pack(unscaled_sums + part, unscaled_sum);
  }
  if constexpr (divergence) {
    sums.student += sum_over_columns(student_sums);
    sums.teacher += sum_over_columns(teacher_sums);
    sums.divergence += ln_2 * sum_over_columns(divergence_sums);
  }
  if constexpr (cross_entropy) {
    sums.student_unscaled += sum_over_columns(unscaled_sums);
  }
}

template <bool divergence, bool cross_entropy, typename Scalar>
void row_sums(const DistillationRow& row, math::DistillationSums<double>& sums) {
  using Real = Real<Scalar>;
  const auto* student = static_cast<const Scalar*>(row.student);
  const auto* teacher = divergence ? static_cast<const Scalar*>(row.teacher) : student;
  Buffer<Scalar> student_buffer;
  Buffer<Scalar> teacher_buffer;
  for (int64_t begin = 0; begin < row.classes; begin += chunk_elements) {
    const int64_t count = row.classes - begin < chunk_elements ? row.classes - begin : chunk_elements;
    const int64_t padded = (count + columns<Real> - 1) / columns<Real> * columns<Real>;
    const Real* s = load_chunk(student + begin, count, padded, student_buffer.reals);
    const Real* t = divergence ? load_chunk(teacher + begin, count, padded, teacher_buffer.reals) : s;
    add_chunk<divergence, cross_entropy>(s, t, padded, row.inverse_temperature, sums);
  }
}

template <bool divergence, bool cross_entropy, typename Scalar>
void row_gradient(const DistillationRow& row, const math::GradientFactors<double>& factors, void* grad_student) {
  using Real = Real<Scalar>;
  const auto* student = static_cast<const Scalar*>(row.student);
  const auto* teacher = divergence ? static_cast<const Scalar*>(row.teacher) : student;
  auto* grad = static_cast<Scalar*>(grad_student);
  const Exponents<Real> exponents(factors.student_max, factors.teacher_max, factors.inverse_temperature);
  const Real student_factor = static_cast<Real>(factors.student_factor);
  const Real teacher_factor = static_cast<Real>(factors.teacher_factor);
  const Real unscaled_factor = static_cast<Real>(factors.unscaled_factor);
  const auto gradient = [&](const Scalar* s, const Scalar* t) __attribute__((always_inline)) {
    const Pack<Real> c = load_pack<Real>(s) - exponents.student_max;
    Pack<Real> result{};
    if constexpr (divergence) {
      const Pack<Real> a = (load_pack<Real>(t) - exponents.teacher_max) * exponents.scale;
      result = exp2_of_nonpositive(c * exponents.scale) * student_factor - exp2_of_nonpositive(a) * teacher_factor;
    }
    if constexpr (cross_entropy) {
      result = result + exp2_of_nonpositive(c * log2_e<Real>) * unscaled_factor;
    }
    return result;
  };
  int64_t i = 0;
  for (; i + step<Real> <= row.classes; i += step<Real>) {
    store_pack(grad + i, gradient(student + i, teacher + i));
  }
  Real few[step<Real>];
  const auto gradient_of_few = [&](int64_t first, int64_t count) {
    Scalar s[step<Real>] = {};
    Scalar t[step<Real>] = {};
    __builtin_memcpy(s, student + first, static_cast<size_t>(count) * sizeof(Scalar));
    __builtin_memcpy(t, teacher + first, static_cast<size_t>(count) * sizeof(Scalar));
    store_pack(few, gradient(s, t));
  };
  gradient_of_few(i, row.classes - i);
  for (int64_t rest = 0; i + rest < row.classes; ++rest) {
    from_real(few[rest], grad[i + rest]);
  }
  if (cross_entropy && row.target != no_target) {
    gradient_of_few(row.target, 1);
    from_real(few[0] - static_cast<Real>(factors.target_factor), grad[row.target]);
  }
}

/// Calls body with the row's terms and type: a term of weight zero costs
/// nothing.
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
