#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/bit_cast.h"
#include "compress/ops/math/small_float.h"

namespace compress::math {

/// What a scale is stored as: float32; E8M0, a power of two (MX); FP8 E4M3 under a float32 scale of the tensor (NVFP4).
enum class ScaleFormat { float32, e8m0, e4m3 };

/// The largest magnitude in min..max; NaN where either is.
COMPRESS_HOST_DEVICE float largest_magnitude(float min, float max) {
  const float low = std::fabs(min);
  const float high = std::fabs(max);
  return low > high || std::isnan(low) ? low : high;
}

/// 2^(floor(log2(amax)) - emax), within E8M0's 2^-127..2^127 (OCP Microscaling Formats 1.0, section 6.3); amax 0 gives
/// the least. Of the exponents as they stand in float32: a subnormal's is 0, and the difference then below E8M0's
/// range.
///   E4M3 (emax 8), amax 3: 2^(1 - 8) = 2^-7
COMPRESS_HOST_DEVICE float e8m0_scale(float amax, const SmallFloat& format) {
  const int emax = static_cast<int>(bit_cast<uint32_t>(format.max) >> 23) - 127;
  const int exponent = static_cast<int>(bit_cast<uint32_t>(amax) >> 23) - emax;
  return bit_cast<float>(exponent > 0 ? static_cast<uint32_t>(exponent) << 23 : 0x00400000u);
}

/// amax / max, rounded to E4M3 in units of tensor_amax / (448 * max), and not to zero: a tensor's largest block gets
/// 448 units. The result is that many units; the unit is at least 2^-117, so that every scale is a normal number.
COMPRESS_HOST_DEVICE float e4m3_scale(float amax, float tensor_amax, const SmallFloat& format) {
  const SmallFloat e4m3 = make_small_float(4, 3);
  const float wanted_unit = tensor_amax / (e4m3.max * format.max);
  const float unit = wanted_unit < 0x1p-117f ? 0x1p-117f : wanted_unit;  // keeps NaN
  const float units = saturating_cast(amax / format.max / unit, e4m3);
  return (units < 0x1p-9f ? 0x1p-9f : units) * unit;
}

/// The scale of an observed range. A range never observed gives 1, one that is not finite NaN.
COMPRESS_HOST_DEVICE float choose_float_scale(float min, float max, float tensor_amax, const SmallFloat& format,
                                              ScaleFormat scale_format) {
  if (min == INFINITY && max == -INFINITY) {
    return 1.0f;
  }
  const float amax = largest_magnitude(min, max);
  const float of_tensor = scale_format == ScaleFormat::e4m3 ? std::fabs(tensor_amax) : 0.0f;
  if (!(amax <= FLT_MAX && of_tensor <= FLT_MAX)) {
    return NAN;
  }
  switch (scale_format) {
    case ScaleFormat::e8m0:
      return e8m0_scale(amax, format);
    case ScaleFormat::e4m3:
      return e4m3_scale(amax, of_tensor, format);
    default:
      return amax / format.max < FLT_MIN ? FLT_MIN : amax / format.max;
  }
}

}  // namespace compress::math
