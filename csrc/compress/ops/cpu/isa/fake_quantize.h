#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu {

using math::FakeQuantizeCall;

/// One call of its backward: 8 bytes in and 4 out per float32 element. A null dx is not written; without sums, `sums`
/// is null. Its pairs (of scale, of zero_point, in the units of math::FakeQuantizeGradient) are numbered by
/// BlockPieces::sum_index.
struct FakeQuantizeBackwardCall : math::FakeQuantizeOperands {
  const void* grad = nullptr;
  void* dx = nullptr;
  double* sums = nullptr;
  bool wants_zero_point = true;  // else 0 may stand for its sums
};

/// Pieces begin..end - 1.
COMPRESS_DECLARE_KERNEL(void fake_quantize_pieces(const FakeQuantizeCall& call, const math::BlockPieces& pieces,
                                                  int64_t begin, int64_t end))
COMPRESS_DECLARE_KERNEL(void fake_quantize_backward_pieces(const FakeQuantizeBackwardCall& call,
                                                           const math::BlockPieces& pieces, int64_t begin, int64_t end))

}  // namespace compress::cpu
