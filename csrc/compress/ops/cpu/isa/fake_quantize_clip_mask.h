#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu {

/// One call: 4 bytes in and 4 out per float32 element, 1/8 for the clip mask, and 1/8 for the mask where one is given,
/// which is laid out alike.
struct FakeQuantizeClipMaskCall : math::FakeQuantizeCall {
  uint8_t* clip_mask = nullptr;
};

/// `elements` neighbours from `element` on, whose bits begin at `byte` of both masks.
COMPRESS_DECLARE_KERNEL(void fake_quantize_clip_mask_run(const FakeQuantizeClipMaskCall& call, int64_t element,
                                                         int64_t byte, int64_t elements))

}  // namespace compress::cpu
