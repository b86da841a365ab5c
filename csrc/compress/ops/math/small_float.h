#pragma once

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/bit_cast.h"

namespace compress::math {

/// A float format of 8 bits or fewer, as rounding to it from float32 needs it.
struct SmallFloat {
  float max;                // largest finite value
  int32_t smallest_normal;  // bits of the float32; below it the steps stay those of its binade: subnormals are kept
  uint32_t step_shift;      // from the bits of a power of two to those of the float32 whose ulp is that binade's step
  float last_inside;        // largest float32 that rounds to max and not past it
};

/// The formats that hardware has: FP8 E4M3 and E5M2 (OCP 8-bit Floating Point Specification 1.0), FP6 E3M2 and E2M3,
/// FP4 E2M1 (OCP Microscaling Formats Specification 1.0, section 5.3).
constexpr bool is_small_float(int64_t exponent_bits, int64_t mantissa_bits) {
  return (exponent_bits == 4 && mantissa_bits == 3) || (exponent_bits == 5 && mantissa_bits == 2) ||
         (exponent_bits == 3 && mantissa_bits == 2) || (exponent_bits == 2 && mantissa_bits == 3) ||
         (exponent_bits == 2 && mantissa_bits == 1);
}

COMPRESS_HOST_DEVICE float power_of_two(int exponent) {
  return bit_cast<float>(static_cast<uint32_t>(exponent + 127) << 23);
}

/// E5M2 gives its highest exponent to infinity and NaN, as IEEE does; E4M3 only that exponent's last significand, to
/// NaN; the smaller formats have neither.
///   E4M3: 1.75 * 2^8 = 448   E5M2: 1.75 * 2^15 = 57344   E3M2: 1.75 * 2^4 = 28   E2M3: 1.875 * 2^2 = 7.5   E2M1: 6
COMPRESS_HOST_DEVICE SmallFloat make_small_float(int exponent_bits, int mantissa_bits) {
  const bool is_e4m3 = exponent_bits == 4;
  const int half_range = 1 << (exponent_bits - 1);
  const int max_exponent = exponent_bits == 5 ? half_range - 1 : half_range;
  const float step = power_of_two(max_exponent - mantissa_bits);  // at the top
  const float max = 2 * power_of_two(max_exponent) - (is_e4m3 ? 2 * step : step);
  // The tie beyond max goes to the even neighbour: E4M3's last significand, 110, is even; the others' are odd.
  const float tie = max + step / 2;
  const float last_inside = is_e4m3 ? tie : bit_cast<float>(bit_cast<uint32_t>(tie) - 1);
  return {max, bit_cast<int32_t>(power_of_two(2 - half_range)), static_cast<uint32_t>(23 - mantissa_bits) << 23,
          last_inside};
}

/// Rounds q to the format, half to even, and saturates at its largest value; keeps NaN and the sign of zero. Adding the
/// float32 whose ulp is the format's step lets the addition round, and subtracting it again is exact.
///   E2M1, q = 2.4: binade 2, step 1, (2.4 + 2^23) - 2^23 = 2
COMPRESS_HOST_DEVICE float saturating_cast(float q, const SmallFloat& format) {
  const uint32_t bits = bit_cast<uint32_t>(q);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t clipped = format.max < bit_cast<float>(magnitude) ? bit_cast<uint32_t>(format.max) : magnitude;
  const int32_t own_binade = static_cast<int32_t>(clipped & 0x7f800000u);
  const int32_t binade = own_binade < format.smallest_normal ? format.smallest_normal : own_binade;
  const float shift = bit_cast<float>(static_cast<uint32_t>(binade) + format.step_shift);
  const float rounded = (bit_cast<float>(clipped) + shift) - shift;
  return bit_cast<float>(bit_cast<uint32_t>(rounded) | (bits & 0x80000000u));
}

/// Whether q rounds to a value of the format without saturating; false for NaN.
COMPRESS_HOST_DEVICE bool is_inside(float q, const SmallFloat& format) {
  return bit_cast<float>(bit_cast<uint32_t>(q) & 0x7fffffffu) <= format.last_inside;
}

}  // namespace compress::math
