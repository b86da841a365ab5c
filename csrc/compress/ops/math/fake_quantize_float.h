#pragma once

#include <cstdint>

#include "compress/core/block_geometry.h"
#include "compress/core/macros.h"
#include "compress/core/mask_layout.h"
#include "compress/ops/math/bit_cast.h"
#include "compress/ops/math/float_format.h"
#include "compress/ops/math/small_float.h"

namespace compress::math {

/// x / scale for one scale of many elements. A power of two whose reciprocal is a normal number, as all of MX's but the
/// least, divides by a multiplication that gives the same bits.
struct SharedScale {
  float value;
  float reciprocal;
  bool has_exact_reciprocal;
};

COMPRESS_HOST_DEVICE SharedScale make_shared_scale(float scale) {
  const uint32_t bits = bit_cast<uint32_t>(scale);
  const bool exact = (bits & 0x807fffffu) == 0 && bits - 0x00800000u <= 0x7e000000u;  // 2^-126..2^126
  return {scale, exact ? bit_cast<float>(0x7f000000u - bits) : 0.0f, exact};
}

/// The quotient that is rounded to the format, in float32: of a double it is divided in double and then rounded, as
/// torch's cast of a double does.
COMPRESS_HOST_DEVICE float quotient(float x, float scale) {
  return x / scale;
}
COMPRESS_HOST_DEVICE float quotient(double x, float scale) {
  return static_cast<float>(x / static_cast<double>(scale));
}

/// The value on the grid: a float32 product, or an exact double one.
template <typename Real>
COMPRESS_HOST_DEVICE Real on_float_grid(float quotient, float scale, const SmallFloat& format) {
  return static_cast<Real>(saturating_cast(quotient, format)) * static_cast<Real>(scale);
}

/// Straight through where the rounding did not saturate.
template <typename Real>
COMPRESS_HOST_DEVICE Real float_grid_gradient(Real grad, float quotient, const SmallFloat& format) {
  return is_inside(quotient, format) ? grad : Real(0);
}

/// One call of fake_quantize_float, or with `grad` of its backward, on contiguous memory. Moves 4 bytes in and 4 out
/// per float32 element (backward 8 in), and 1/8 of a byte of mask.
struct FakeQuantizeFloatCall {
  BlockGeometry geometry;
  const float* scale = nullptr;
  SmallFloat small_float;
  PackedMask mask;
  FloatFormat format = FloatFormat::float32;
  const void* x = nullptr;
  const void* grad = nullptr;
  void* y = nullptr;
};

}  // namespace compress::math
