#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/cpu/isa/number.h"
#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/packed_mask.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu {

/// One call of fake_quantize on contiguous memory. Moves 4 bytes in and 4 out per float32 element, and 1/8 of a byte of
/// mask.
struct FakeQuantizeCall {
  math::Quantizer quantizer;
  math::PackedMask mask;
  Number number = Number::float32;
  const void* x = nullptr;
  void* y = nullptr;
};

/// One call of its backward: 8 bytes in and 4 out per float32 element. A null dx is not written; without sums, `sums`
/// is null. Its pairs (of scale, of zero_point, in the units of
/// math::FakeQuantizeGradient) are numbered by BlockPieces::sum_index.
struct FakeQuantizeBackwardCall {
  math::Quantizer quantizer;
  math::PackedMask mask;
  Number number = Number::float32;
  const void* grad = nullptr;
  const void* x = nullptr;
  void* dx = nullptr;
  double* sums = nullptr;
};

/// Pieces begin..end - 1.
COMPRESS_DECLARE_KERNEL(void fake_quantize_pieces(const FakeQuantizeCall& call, const math::BlockPieces& pieces,
                                                  int64_t begin, int64_t end))
COMPRESS_DECLARE_KERNEL(void fake_quantize_backward_pieces(const FakeQuantizeBackwardCall& call,
                                                           const math::BlockPieces& pieces, int64_t begin, int64_t end))

}  // namespace compress::cpu
