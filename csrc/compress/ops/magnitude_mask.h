#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// The packed mask of the weights to keep: |weight| > threshold (float32 scalar tensor). NaN is kept, so that it is
/// seen. One pass: 4 bytes read and 1 bit written per weight.
at::Tensor magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold);

}  // namespace compress
