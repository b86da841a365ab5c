#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace compress::cuda {

/// math::choose_qparams for `count` contiguous ranges.
void launch_choose_qparams(const float* min, const float* max, int64_t count, int64_t quant_min, int64_t quant_max,
                           bool symmetric, float* scale, int32_t* zero_point, cudaStream_t stream);

}  // namespace compress::cuda
