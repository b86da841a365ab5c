#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/mask_layout.h"

namespace compress::cuda {

/// y = x where its bit is set, else 0; elements of `element_size` (1, 2, 4 or 8) bytes, contiguous. y may be x.
void launch_apply_mask(const void* x, const uint8_t* mask, const MaskLayout& layout, int element_size, void* y,
                       cudaStream_t stream);

}  // namespace compress::cuda
