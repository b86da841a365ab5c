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
// is half to even; NaN stays NaN.
using math::bit_cast;

COMPRESS_HOST_DEVICE float to_real(float x) {
  return x;
}
COMPRESS_HOST_DEVICE double to_real(double x) {
  return x;
}

COMPRESS_HOST_DEVICE float to_real(bfloat16 x) {
  return bit_cast<float>(static_cast<uint32_t>(x.bits) << 16);
}

// float16: move exponent and mantissa into place, then let a multiplication by 2^112 rebias them; it also normalises
// subnormals. The largest exponent (infinity, NaN) lands at 2^16 and above and gets the largest float exponent.
COMPRESS_HOST_DEVICE float to_real(float16 x) {
  const uint32_t sign = (x.bits & 0x8000u) << 16;
  const uint32_t magnitude = (x.bits & 0x7fffu) << 13;
  const uint32_t finite = bit_cast<uint32_t>(bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = magnitude | 0x7f800000u;
  return bit_cast<float>(sign | (magnitude >= 0x0f800000u ? special : finite));
}

COMPRESS_HOST_DEVICE void from_real(float x, float& to) {
  to = x;
}
COMPRESS_HOST_DEVICE void from_real(double x, double& to) {
  to = x;
}

COMPRESS_HOST_DEVICE void from_real(float x, bfloat16& to) {
  const uint32_t bits = bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet_nan = (bits >> 16) | 0x40u;
  to.bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}

COMPRESS_HOST_DEVICE void from_real(float x, float16& to) {
  const uint32_t bits = bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Rebiased by 112, rounded at bit 13; 65520 and above carries into the exponent of infinity.
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14 the sum with 0.5 has an ulp of 2^-24, float16's smallest step: the addition rounds.
  const uint32_t subnormal = bit_cast<uint32_t>(bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
  const uint32_t infinite = magnitude > 0x7f800000u ? (0x7e00u | ((magnitude >> 13) & 0x3ffu)) : 0x7c00u;
  to.bits = static_cast<uint16_t>(sign | (magnitude >= 0x477ff000u ? infinite : finite));
}

}  // namespace compress::cpu
