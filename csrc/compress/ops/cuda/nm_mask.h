#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/mask_layout.h"
#include "compress/ops/math/nm_mask.h"

namespace compress::cuda {

/// One bit per element of a contiguous tensor: whether it is among its group's n largest.
void launch_nm_mask(const void* score, math::FloatFormat format, const math::NmGroups& groups, const MaskLayout& layout,
                    uint8_t* mask, cudaStream_t stream);

}  // namespace compress::cuda
