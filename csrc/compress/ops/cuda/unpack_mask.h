#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/mask_layout.h"

namespace compress::cuda {

/// Unpacks bits to contiguous bytes 0 or 1.
void launch_unpack_mask(const uint8_t* packed, const MaskLayout& layout, bool* mask, cudaStream_t stream);

}  // namespace compress::cuda
