#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu {

/// What the second stage of fake_quantize's backward reads and writes; a null gradient is not wanted.
struct GradientSums {
  const double* sums;
  double grad_factor;
  float* dscale;
  float* dzero_point;
};

/// The gradients of scales begin..end: the pieces of each scale in their order, in double.
COMPRESS_DECLARE_KERNEL(void reduce_gradient_sums(const math::Quantizer& quantizer, const math::BlockPieces& pieces,
                                                  const GradientSums& of, int64_t begin, int64_t end))

}  // namespace compress::cpu
