#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// x as a matrix [scales, elements per scale] for a scale of sizes `scale_sizes` (see fake_quantize); may copy.
at::Tensor as_blocks(const at::Tensor& x, at::IntArrayRef scale_sizes);

}  // namespace compress
