#pragma once

#include <cstdint>

#include "compress/core/block_geometry.h"
#include "compress/core/mask_layout.h"
#include "compress/ops/math/fake_quantize.h"
#include "compress/ops/math/float_format.h"

namespace compress::math {

/// zero_point in any type that operators take; read once per scale, never per element.
struct ZeroPoints {
  enum class Type { none, int32, int64, float32 };
  Type type = Type::none;
  const void* data = nullptr;

  COMPRESS_HOST_DEVICE float operator[](int64_t i) const {
    switch (type) {
      case Type::int32:
        return static_cast<float>(static_cast<const int32_t*>(data)[i]);
      case Type::int64:
        return static_cast<float>(static_cast<const int64_t*>(data)[i]);
      case Type::float32:
        return static_cast<const float*>(data)[i];
      default:
        return 0.0f;
    }
  }
};

/// All grids of one fake_quantize call.
struct Quantizer {
  BlockGeometry geometry;
  const float* scale = nullptr;
  ZeroPoints zero_points;
  float quant_min = 0;
  float quant_max = 0;

  COMPRESS_HOST_DEVICE AffineGrid grid(int64_t i) const {
    return make_affine_grid(scale[i], zero_points[i], quant_min, quant_max);
  }
};

/// What fake_quantize and its backward read, on contiguous memory.
struct FakeQuantizeOperands {
  Quantizer quantizer;
  PackedMask mask;
  FloatFormat format = FloatFormat::float32;
  const void* x = nullptr;
};

/// One call of fake_quantize. Moves 4 bytes in and 4 out per float32 element, and 1/8 of a byte of mask.
struct FakeQuantizeCall : FakeQuantizeOperands {
  void* y = nullptr;
};

}  // namespace compress::math
