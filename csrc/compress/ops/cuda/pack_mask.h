#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/mask_layout.h"

namespace compress::cuda {

/// Packs contiguous bytes 0 or 1 to bits.
void launch_pack_mask(const bool* mask, const MaskLayout& layout, uint8_t* packed, cudaStream_t stream);

}  // namespace compress::cuda
