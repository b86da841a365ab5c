#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "compress/core/macros.h"
#include "compress/ops/math/bit_cast.h"
#include "compress/ops/math/float_format.h"

namespace compress::math {

// IEEE floats of any width compared as signed integers of the same width, so that one integer loop serves float16,
// bfloat16, float32 and float64, is associative (the compiler vectorises it, any split over threads gives the same
// result) and needs no conversion.

template <typename Int>
inline constexpr Int all_but_sign = std::numeric_limits<Int>::max();

/// order_key of the compiler's vector of `Int`, or of one.
template <typename Int, typename Bits>
COMPRESS_HOST_DEVICE Bits order_keys(Bits bits) {
  const Bits sign = static_cast<Bits>(bits >> (8 * sizeof(Int) - 1));  // all ones where negative
  return static_cast<Bits>(bits ^ (sign & all_but_sign<Int>));
}

/// A key that sorts as the float with these bits; -0 sorts below +0, NaN beyond the infinity of its sign. Its own
/// inverse: order_key(order_key(bits)) == bits.
template <typename Int>
COMPRESS_HOST_DEVICE Int order_key(Int bits) {
  return order_keys<Int>(bits);
}

/// A key that sorts as |x|; NaN sorts above infinity. It is the bits of |x|.
template <typename Int>
COMPRESS_HOST_DEVICE Int magnitude_key(Int bits) {
  return static_cast<Int>(bits & all_but_sign<Int>);
}

COMPRESS_HOST_DEVICE int64_t infinity_bits(FloatFormat format) {
  switch (format) {
    case FloatFormat::float16:
      return 0x7c00;
    case FloatFormat::bfloat16:
      return 0x7f80;
    case FloatFormat::float32:
      return 0x7f800000;
    default:
      return 0x7ff0000000000000;
  }
}

/// Bits of a magnitude: all but the sign.
COMPRESS_HOST_DEVICE int magnitude_bits(FloatFormat format) {
  return format == FloatFormat::float64 ? 63 : (format == FloatFormat::float32 ? 31 : 15);
}

/// The value with these bits (sign-extended), exactly.
COMPRESS_HOST_DEVICE double value_of_bits(int64_t bits, FloatFormat format) {
  if (format == FloatFormat::float64) {
    return bit_cast<double>(bits);
  }
  if (format == FloatFormat::float32) {
    return bit_cast<float>(static_cast<int32_t>(bits));
  }
  if (format == FloatFormat::bfloat16) {
    return bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  const uint32_t magnitude = static_cast<uint32_t>(bits) & 0x7fffu;
  double value;
  if (magnitude >= 0x7c00u) {
    value = bit_cast<float>(0x7f800000u | (magnitude << 13));
  } else if (magnitude < 0x400u) {
    value = static_cast<double>(magnitude) * 0x1p-24;
  } else {
    value = bit_cast<float>((magnitude << 13) + (112u << 23));
  }
  return bits < 0 ? -value : value;
}

/// The key of the greatest magnitude of `format` that is not above `threshold`, so that for every x of the format
/// |x| > threshold is magnitude_key(x) > the result. Negative or NaN threshold: -1, which every key exceeds.
COMPRESS_HOST_DEVICE int64_t threshold_key(float threshold, FloatFormat format) {
  if (!(threshold >= 0.0f)) {
    return -1;
  }
  const uint32_t bits = magnitude_key(bit_cast<int32_t>(threshold));  // of -0: 0
  switch (format) {
    case FloatFormat::float64:
      return bit_cast<int64_t>(static_cast<double>(bit_cast<float>(bits)));
    case FloatFormat::float32:
      return bits;
    case FloatFormat::bfloat16:
      return bits >> 16;
    default:
      break;
  }
  if (bits == 0x7f800000u) {
    return 0x7c00;
  }
  if (threshold >= 65504.0f) {
    return 0x7bff;
  }
  if (bits < (113u << 23)) {  // below 2^-14 float16 is subnormal, in steps of 2^-24
    return static_cast<int64_t>(threshold * 0x1p24f);
  }
  return (bits - (112u << 23)) >> 13;
}

}  // namespace compress::math
