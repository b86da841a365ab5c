#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu {

/// One call: 4 bytes in and 4 out per float32 element, 1/8 for the clip mask, and 1/8 for the mask where one is given,
/// which is laid out alike.
struct FakeQuantizeClipMaskCall : math::FakeQuantizeCall {
  uint8_t* clip_mask = nullptr;
};

/// Whether pieces begin at bytes of the masks; then fake_quantize_clip_mask_pieces takes them, else ..._run anything.
COMPRESS_HOST_DEVICE bool pieces_begin_at_bytes(const BlockGeometry& geometry, const MaskLayout& layout) {
  return layout.is_one_stream() && geometry.segment_length % 8 == 0;
}

/// Pieces begin..end - 1.
COMPRESS_DECLARE_KERNEL(void fake_quantize_clip_mask_pieces(const FakeQuantizeClipMaskCall& call,
                                                            const math::BlockPieces& pieces, int64_t begin,
                                                            int64_t end))

/// `elements` neighbours from `element` on, whose bits begin at `byte` of both masks.
COMPRESS_DECLARE_KERNEL(void fake_quantize_clip_mask_run(const FakeQuantizeClipMaskCall& call, int64_t element,
                                                         int64_t byte, int64_t elements))

}  // namespace compress::cpu
