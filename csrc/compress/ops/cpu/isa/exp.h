#pragma once

#include <cstddef>
#include <iterator>

#include "compress/ops/cpu/isa/vector.h"

namespace compress::cpu::COMPRESS_ISA {

/// Vectors that go through an exponential together. One alone is a chain of a dozen operations that wait for each
/// other; several side by side, step by step, keep the processor busy. As many as the registers hold.
inline constexpr int side_by_side = vector_bytes == 64 ? 4 : 2;

template <typename Real>
struct Pack {
  Vector<Real> vectors[side_by_side];
};

/// The pack of body(k), one for each vector.
template <typename Real, typename Body>
COMPRESS_ISA_INLINE Pack<Real> pack_of(const Body& body) {
  Pack<Real> result;
#pragma GCC unroll 4
  for (int k = 0; k < side_by_side; ++k) {
    result.vectors[k] = body(k);
  }
  return result;
}

template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> operator+(const Pack<Real>& a, const Pack<Real>& b) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return a.vectors[k] + b.vectors[k]; });
}
template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> operator-(const Pack<Real>& a, const Pack<Real>& b) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return a.vectors[k] - b.vectors[k]; });
}
template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> operator*(const Pack<Real>& a, const Pack<Real>& b) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return a.vectors[k] * b.vectors[k]; });
}
template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> operator+(const Pack<Real>& a, Real b) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return a.vectors[k] + b; });
}
template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> operator-(const Pack<Real>& a, Real b) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return a.vectors[k] - b; });
}
template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> operator*(const Pack<Real>& a, Real b) {
  return pack_of<Real>([&](int k) __attribute__((always_inline)) { return a.vectors[k] * b; });
}

namespace detail {

// 2^f on |f| <= 1/2: minimax with 1 at 0, relative error 9.2e-8. In pairs, which shortens the chain.
COMPRESS_ISA_INLINE Pack<float> exp2_polynomial(const Pack<float>& f) {
  const Pack<float> square = f * f;
  const Pack<float> high = f * 1.3264724984765053e-3f + 9.671512991189957e-3f;
  const Pack<float> middle = f * 5.550733581185341e-2f + 2.4022242426872253e-1f;
  const Pack<float> low = f * 6.931470036506653e-1f + 1.0f;
  return (high * square + middle) * square + low;
}

// The same in double: Taylor's series, ln(2)^k / k!, to f^13 (truncated at 5e-18).
COMPRESS_ISA_INLINE Pack<double> exp2_polynomial(const Pack<double>& f) {
  constexpr double coefficients[] = {1.3691488853904128e-12, 2.5678435993488206e-11,
                                     4.4455382718708116e-10, 7.054911620801123e-09,
                                     1.01780860092397e-07,   1.321548679014431e-06,
                                     1.5252733804059841e-05, 0.0001540353039338161,
                                     0.0013333558146428443,  0.009618129107628477,
                                     0.05550410866482158,    0.24022650695910072,
                                     0.6931471805599453,     1.0};
  Pack<double> p = f * coefficients[0] + coefficients[1];
  for (size_t i = 2; i < std::size(coefficients); ++i) {
    p = p * f + coefficients[i];
  }
  return p;
}

}  // namespace detail

template <typename Real>
inline constexpr Real log2_e = Real(1.4426950408889634074);
inline constexpr double ln_2 = 0.69314718055994530942;

/// 2^x for x <= 0, within 2.6 ulp (float). Below 2^-126.5 (2^-1022.5) the result is 0, NaN stays NaN.
/// For e^c as 2^(c * log2_e) the product is rounded first: about |c| 2^-24 relative, 6e-6 at c = -100.
/// x = n + f with the nearest integer n, 2^x = 2^n 2^f, 2^n made from its bits: those of 0 where n is the least.
template <typename Real>
COMPRESS_ISA_INLINE Pack<Real> exp2_of_nonpositive(const Pack<Real>& x) {
  constexpr bool single = sizeof(Real) == 4;
  constexpr Real least = single ? Real(-127) : Real(-1023);
  constexpr int mantissa_bits = single ? 23 : 52;
  // Adding 1.5 * 2^mantissa_bits rounds to an integer, which then stands in the low bits of the sum; there it is wanted
  // with the exponent's bias.
  constexpr Real rounding = single ? Real(12582912.0 + 127) : Real(6755399441055744.0 + 1023);

  const Pack<Real> bounded = pack_of<Real>([&](int k) __attribute__((always_inline)) {
    return broadcast(least) > x.vectors[k] ? broadcast(least) : x.vectors[k];
  });
  const Pack<Real> shifted = bounded + rounding;
  const Pack<Real> f = bounded - (shifted - rounding);
  const Pack<Real> power = pack_of<Real>([&](int k) __attribute__((always_inline)) {
    return reinterpret_cast<Vector<Real>>(reinterpret_cast<BitsVector<Real>>(shifted.vectors[k]) << mantissa_bits);
  });
  return detail::exp2_polynomial(f) * power;
}

}  // namespace compress::cpu::COMPRESS_ISA
