#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "compress/core/mask_layout.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cuda {

/// fake_quantize, and one bit per element that tells whether it lies inside the grid and is kept. `layout` is that of
/// both masks. 8.125 bytes per float32 element, 8.25 with a mask.
void launch_fake_quantize_clip_mask(const math::FakeQuantizeCall& call, const MaskLayout& layout, uint8_t* clip_mask,
                                    cudaStream_t stream);

}  // namespace compress::cuda
