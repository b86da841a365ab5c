#pragma once

#include <cmath>

#include "compress/core/macros.h"

namespace compress::math {

/// The affine grid of one scale: integers quant_min..quant_max, zero_point among them.
struct AffineGrid {
  float scale;
  float inverse_scale;
  float zero_point;
  float quant_min;
  float quant_max;
};

COMPRESS_HOST_DEVICE AffineGrid make_affine_grid(float scale, float zero_point, float quant_min, float quant_max) {
  return {scale, 1.0f / scale, zero_point, quant_min, quant_max};
}

/// The unclamped integer of x: rounded half to even, then shifted, as ATen does (2.5 -> 2, also with zero_point 1).
/// `Real` is float, or double for double tensors: ATen divides those in double.
template <typename Real>
COMPRESS_HOST_DEVICE Real quantized_position(Real x, const AffineGrid& grid) {
  return std::nearbyint(x * static_cast<Real>(grid.inverse_scale)) + static_cast<Real>(grid.zero_point);
}

/// clamp(round(x / scale) + zero_point) mapped back. Saturates for any |x|, keeps NaN (both comparisons are false).
/// `Product` is the type of the last multiplication: ATen takes float per tensor, also for double tensors, and the
/// tensor's own precision per channel.
template <typename Product, typename Real>
COMPRESS_HOST_DEVICE Real fake_quantize(Real x, const AffineGrid& grid) {
  const Real position = quantized_position(x, grid);
  const Real low = static_cast<Real>(grid.quant_min);
  const Real high = static_cast<Real>(grid.quant_max);
  const Real bounded = position < low ? low : (position > high ? high : position);
  const Product steps = static_cast<Product>(bounded) - static_cast<Product>(grid.zero_point);
  return static_cast<Real>(steps * static_cast<Product>(grid.scale));
}

}  // namespace compress::math
