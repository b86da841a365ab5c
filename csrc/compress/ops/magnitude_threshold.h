#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// The k-th smallest magnitude over all weights together, k = round(sparsity * elements): a float32 scalar tensor.
/// Exact, by radix selection on the bits of |w|, without concatenating the weights. k = 0 gives -1 (nothing pruned).
/// NaN counts as larger than every number. weights: one floating dtype each, any shapes, one device; at least one.
at::Tensor magnitude_threshold(at::TensorList weights, double sparsity);

}  // namespace compress
