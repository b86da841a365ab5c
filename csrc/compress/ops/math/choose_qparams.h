#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "compress/core/macros.h"

namespace compress::math {

struct QuantParams {
  float scale;
  int32_t zero_point;
};

/// The affine grid over an observed range (Jacob et al. 2018, section 3), in the order of operations of torch.ao's
/// observers. The quotients are rounded as IEEE says: CUDA code must not be compiled with --use_fast_math.
///   min -1, max 3, grid 0..255, asymmetric: scale = 4 / 255 = 0.015686, zero_point = 0 - round(-63.75) = 64
COMPRESS_HOST_DEVICE QuantParams choose_qparams(float min, float max, int64_t quant_min, int64_t quant_max,
                                                bool symmetric) {
  if (min == INFINITY && max == -INFINITY) {
    return {1.0f, 0};
  }
  const float low = min > 0.0f ? 0.0f : min;  // keeps NaN
  const float high = max < 0.0f ? 0.0f : max;
  const float steps = static_cast<float>(quant_max - quant_min);
  const float extent = -low > high || std::isnan(low) ? -low : high;  // keeps NaN
  const float spread = symmetric ? extent / (steps / 2) : (high - low) / steps;
  const float scale = spread < FLT_EPSILON ? FLT_EPSILON : spread;
  if (symmetric) {
    return {scale, 0};
  }
  const double zero_point = static_cast<double>(quant_min) - static_cast<double>(std::nearbyint(low / scale));
  if (std::isnan(zero_point)) {
    return {scale, 0};
  }
  const double first = static_cast<double>(quant_min);
  const double last = static_cast<double>(quant_max);
  return {scale, static_cast<int32_t>(zero_point < first ? first : (zero_point > last ? last : zero_point))};
}

}  // namespace compress::math
