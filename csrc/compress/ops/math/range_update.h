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

/// How an observer learns from a batch: first the new range, and whether the old one counts.
struct RangeRule {
  float averaging = 0.0f;
  bool forget = false;
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

  /// Takes the range of a batch into scale number i.
  COMPRESS_HOST_DEVICE void take(int64_t i, Range batch, const RangeRule& rule, const GridRule& grid) const {
    const Range range = rule.forget ? batch : observed({min[i], max[i]}, batch, rule.averaging);
    min[i] = range.min;
    max[i] = range.max;
    if (scale != nullptr) {
      const QuantParams chosen = choose_qparams(range.min, range.max, grid.quant_min, grid.quant_max, grid.symmetric);
      scale[i] = chosen.scale;
      zero_point.store(i, chosen.zero_point);
    }
  }
};

}  // namespace compress::math
