#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "compress/ops/math/choose_float_scale.h"

namespace compress::cuda {

/// math::choose_float_scale for `count` contiguous ranges. `tensor_amax` is read on the device; null where not given.
void launch_choose_float_scale(const float* min, const float* max, int64_t count, const float* tensor_amax,
                               const math::SmallFloat& format, math::ScaleFormat scale_format, float* scale,
                               cudaStream_t stream);

}  // namespace compress::cuda
