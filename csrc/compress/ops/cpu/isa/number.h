#pragma once

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/bit_cast.h"
#include "compress/ops/math/float_format.h"

namespace compress::cpu {

struct float16 {
  uint16_t bits;
};
struct bfloat16 {
  uint16_t bits;
};

/// The type that arithmetic on `Scalar` is done in: double for double, else float.
template <typename Scalar>
struct RealOf {
  using type = float;
};
template <>
struct RealOf<double> {
  using type = double;
};
template <typename Scalar>
using Real = typename RealOf<Scalar>::type;

/// Calls body with a zero of the format's type: kernels are written for types, called with formats.
template <typename Body>
COMPRESS_HOST_DEVICE auto with_scalar_of(math::FloatFormat format, const Body& body) {
  switch (format) {
    case math::FloatFormat::float16:
      return body(float16{});
    case math::FloatFormat::bfloat16:
      return body(bfloat16{});
    case math::FloatFormat::float64:
      return body(double{});
    default:
      return body(float{});
  }
}

// Conversions as bit arithmetic without branches, so that loops over them vectorise on every instruction set. Rounding
// is half to even; NaN stays NaN. `Real` is float and `Bits` uint32_t, or vectors of them.
using math::bit_cast;

// Exponent and mantissa are moved into place, then a multiplication by 2^112 rebiases them; it also normalises
// subnormals. The largest exponent (infinity, NaN) lands at 2^16 and above and gets the largest float exponent.
template <typename Real, typename Bits>
COMPRESS_HOST_DEVICE Real real_of_half(Bits bits) {
  const Bits sign = (bits & 0x8000u) << 16;
  const Bits magnitude = (bits & 0x7fffu) << 13;
  const Bits finite = bit_cast<Bits>(bit_cast<Real>(magnitude) * 0x1p112f);
  const Bits special = magnitude | 0x7f800000u;
  return bit_cast<Real>(sign | (magnitude >= 0x0f800000u ? special : finite));
}

template <typename Bits, typename Real>
COMPRESS_HOST_DEVICE Bits half_of_real(Real x) {
  const Bits bits = bit_cast<Bits>(x);
  const Bits sign = (bits >> 16) & 0x8000u;
  const Bits magnitude = bits & 0x7fffffffu;
  // Rebiased by 112, rounded at bit 13; 65520 and above carries into the exponent of infinity.
  const Bits normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14 the sum with 0.5 has an ulp of 2^-24, float16's smallest step: the addition rounds.
  const Bits subnormal = bit_cast<Bits>(bit_cast<Real>(magnitude) + 0.5f) - 0x3f000000u;
  const Bits finite = magnitude < 0x38800000u ? subnormal : normal;
  const Bits nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  const Bits infinite = magnitude > 0x7f800000u ? nan : (nan & 0u) | 0x7c00u;
  return sign | (magnitude >= 0x477ff000u ? infinite : finite);
}

/// In the upper 16 bits; what is below has no meaning.
template <typename Bits, typename Real>
COMPRESS_HOST_DEVICE Bits bfloat16_in_upper_half(Real x) {
  const Bits bits = bit_cast<Bits>(x);
  const Bits rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const Bits quiet_nan = bits | 0x400000u;
  return x == x ? rounded : quiet_nan;
}

COMPRESS_HOST_DEVICE float to_real(float x) {
  return x;
}
COMPRESS_HOST_DEVICE double to_real(double x) {
  return x;
}

COMPRESS_HOST_DEVICE float to_real(bfloat16 x) {
  return bit_cast<float>(static_cast<uint32_t>(x.bits) << 16);
}

COMPRESS_HOST_DEVICE float to_real(float16 x) {
  return real_of_half<float>(static_cast<uint32_t>(x.bits));
}

COMPRESS_HOST_DEVICE void from_real(float x, float& to) {
  to = x;
}
COMPRESS_HOST_DEVICE void from_real(double x, double& to) {
  to = x;
}

COMPRESS_HOST_DEVICE void from_real(float x, bfloat16& to) {
  to.bits = static_cast<uint16_t>(bfloat16_in_upper_half<uint32_t>(x) >> 16);
}

COMPRESS_HOST_DEVICE void from_real(float x, float16& to) {
  to.bits = static_cast<uint16_t>(half_of_real<uint32_t>(x));
}

}  // namespace compress::cpu
