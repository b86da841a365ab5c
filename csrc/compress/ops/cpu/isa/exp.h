#pragma once

#include "compress/ops/cpu/isa/vector.h"

namespace compress::cpu::COMPRESS_ISA {

namespace detail {

// 1.5 * 2^(mantissa bits): adding it rounds to an integer, which then stands in the low bits of the sum.
template <typename Real>
inline constexpr Real round_to_low_bits = sizeof(Real) == 4 ? Real(12582912.0) : Real(6755399441055744.0);

// e^r on |r| <= ln(2) / 2: Cephes' minimax polynomial (relative error 2e-8).
COMPRESS_ISA_INLINE Vector<float> exp_polynomial(Vector<float> r) {
  Vector<float> p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * r * r + r + 1.0f;
}

// The same in double: Taylor's series to r^13 (truncated at 5e-18).
COMPRESS_ISA_INLINE Vector<double> exp_polynomial(Vector<double> r) {
  Vector<double> p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return p * r * r + r + 1.0;
}

}  // namespace detail

/// e^x for x <= 0 (and up to 80), within 1.1 ulp. Below the smallest normal number the result is 0, NaN stays NaN.
/// x = n ln 2 + r (Cody & Waite, ln 2 in two parts), e^x = 2^n e^r, 2^n made from its bits.
template <typename Real>
COMPRESS_ISA_INLINE Vector<Real> exp_of_nonpositive(Vector<Real> x) {
  constexpr bool single = sizeof(Real) == 4;
  constexpr Real log2_e = Real(1.4426950408889634074);
  constexpr Real ln2_high = single ? Real(0.693359375) : Real(6.93145751953125e-1);
  constexpr Real ln2_low = single ? Real(-2.12194440e-4) : Real(1.42860682030941723212e-6);
  constexpr Real smallest = single ? Real(-87.33654) : Real(-708.39641853226);
  constexpr int mantissa_bits = single ? 23 : 52;
  constexpr int exponent_bias = single ? 127 : 1023;

  const Vector<Real> shifted = x * log2_e + detail::round_to_low_bits<Real>;
  const Vector<Real> n = shifted - detail::round_to_low_bits<Real>;
  const Vector<Real> r = (x - n * ln2_high) - n * ln2_low;
  const BitsVector<Real> power_bits = (reinterpret_cast<BitsVector<Real>>(shifted) + exponent_bias) << mantissa_bits;
  const Vector<Real> result = detail::exp_polynomial(r) * reinterpret_cast<Vector<Real>>(power_bits);
  return x < smallest ? Vector<Real>{} : result;
}

}  // namespace compress::cpu::COMPRESS_ISA
