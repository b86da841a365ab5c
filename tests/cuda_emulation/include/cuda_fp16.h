#pragma once

#include <cmath>
#include <cstdint>

/// IEEE binary16.
struct __half {
  uint16_t bits;
};

inline float __half2float(__half x) {
  const int exponent = (x.bits >> 10) & 0x1f;
  const int fraction = x.bits & 0x3ff;
  float magnitude;
  if (exponent == 0x1f) {
    magnitude = fraction == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return std::copysign(magnitude, (x.bits & 0x8000) != 0 ? -1.0f : 1.0f);
}

/// To nearest, half to even; beyond the range infinity; every NaN becomes 0x7fff.
inline __half __float2half_rn(float x) {
  if (std::isnan(x)) {
    return {0x7fff};
  }
  const unsigned sign = std::signbit(x) ? 0x8000u : 0u;
  const float magnitude = std::fabs(x);
  if (magnitude >= 65520.0f) {  // half a step above the largest
    return {static_cast<uint16_t>(sign | 0x7c00u)};
  }
  int exponent = 0;
  std::frexp(magnitude, &exponent);                             // magnitude < 2^exponent
  const int step = magnitude < 0x1p-14f ? -24 : exponent - 11;  // the last bit's weight
  // nearbyint rounds half to even. A fraction that reaches 0x800 carries into the exponent by itself.
  const auto fraction = static_cast<unsigned>(std::nearbyint(std::ldexp(magnitude, -step)));
  const unsigned biased = static_cast<unsigned>(step + 24);  // 0 for subnormals, whose leading bit is not hidden
  return {static_cast<uint16_t>(sign | ((biased << 10) + fraction))};
}
