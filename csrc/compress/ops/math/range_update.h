#pragma once

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/choose_qparams.h"
#include "compress/ops/math/observe_min_max.h"
#include "compress/ops/math/quantizer.h"

namespace compress::math {

/// Where chosen zero_points are written; of type none, nowhere.
struct ZeroPointOutput {
  ZeroPoints::Type type = ZeroPoints::Type::none;
  void* data = nullptr;

  COMPRESS_HOST_DEVICE void store(int64_t i, int32_t zero_point) const {
    switch (type) {
      case ZeroPoints::Type::int32:
        static_cast<int32_t*>(data)[i] = zero_point;
        return;
      case ZeroPoints::Type::int64:
        static_cast<int64_t*>(data)[i] = zero_point;
        return;
      case ZeroPoints::Type::float32:
        static_cast<float*>(data)[i] = static_cast<float>(zero_point);
        return;
      default:
        return;
    }
  }
};

/// The range of x * factor, of x's range: rounding keeps the order of products.
COMPRESS_HOST_DEVICE Range scaled(Range x, float factor) {
  return factor < 0.0f ? Range{x.max * factor, x.min * factor} : Range{x.min * factor, x.max * factor};
}

/// How an observer learns from a batch: first the new range, and whether the old one counts.
struct RangeRule {
  float averaging = 0.0f;
  bool forget = false;

  COMPRESS_HOST_DEVICE Range next(Range state, Range batch) const {
    return forget ? batch : observed(state, batch, averaging);
  }
};

/// Then the grid that is chosen from the range.
struct GridRule {
  int64_t quant_min = 0;
  int64_t quant_max = 0;
  bool symmetric = false;
};

/// The observer state of one tensor: a range per scale, and the scales and zero_points where they are wanted.
struct ObserverState {
  float* min = nullptr;
  float* max = nullptr;
  float* scale = nullptr;  ///< null = the range only
  ZeroPointOutput zero_point;
  const float* fold_factor = nullptr;  ///< the range is that of x * fold_factor; null = 1

  /// Takes the range of a batch into scale number i.
  COMPRESS_HOST_DEVICE void take(int64_t i, Range batch, const RangeRule& rule, const GridRule& grid) const {
    if (fold_factor != nullptr) {
      batch = scaled(batch, fold_factor[i]);
    }
    const Range range = rule.next({min[i], max[i]}, batch);
    min[i] = range.min;
    max[i] = range.max;
    choose(i, grid);
  }

  /// Chooses the grid from the range of scale number i, where it is wanted.
  COMPRESS_HOST_DEVICE void choose(int64_t i, const GridRule& grid) const {
    if (scale != nullptr) {
      const QuantParams chosen = choose_qparams(min[i], max[i], grid.quant_min, grid.quant_max, grid.symmetric);
      scale[i] = chosen.scale;
      zero_point.store(i, chosen.zero_point);
    }
  }
};

}  // namespace compress::math
