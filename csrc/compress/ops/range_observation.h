#pragma once

#include <ATen/core/Tensor.h>

#include "compress/core/block_geometry.h"

namespace compress {

/// Takes the ranges of a contiguous, non-empty x into contiguous min and max: a device's kernel.
using ObserveRanges = void (*)(const at::Tensor& x, const BlockGeometry& geometry, float averaging, float* min,
                               float* max);

/// observe_min_max_ for any strides, through the device's kernel.
void observe_min_max_with(ObserveRanges observe, const at::Tensor& min, const at::Tensor& max, const at::Tensor& x,
                          double averaging);

}  // namespace compress
