#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/block_geometry.h"
#include "compress/ops/math/float_order.h"

namespace compress::cuda {

/// Bytes of device memory that launch_observe_min_max needs, aligned to 8.
int64_t observe_min_max_workspace(const BlockGeometry& geometry);

/// Takes the range of a contiguous, non-empty x into the state. Three launches: clear, reduce (integer atomics, whose
/// result depends on no order), update.
void launch_observe_min_max(const void* x, math::FloatFormat format, const BlockGeometry& geometry, float averaging,
                            void* workspace, float* min, float* max, cudaStream_t stream);

}  // namespace compress::cuda
