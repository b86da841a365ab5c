#pragma once

#include <cuda_runtime_api.h>

#include "compress/ops/math/fake_quantize_float.h"

namespace compress::cuda {

/// fake_quantize_float, or with call.grad its backward, in accesses of 16 bytes where the alignment allows.
void launch_fake_quantize_float(const math::FakeQuantizeFloatCall& call, cudaStream_t stream);

}  // namespace compress::cuda
