#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// The k-th smallest magnitude over all weights together: a float32 scalar tensor, exact, by radix selection on the
/// bits of |w| (2 reads of 16-bit weights, 3 of float32, 6 of float64) without concatenating them or synchronising.
///
/// weights    one dtype (float32, float64, float16, bfloat16) and device, any shapes and strides; at least one tensor
/// sparsity   in [0, 1]; k = round(sparsity * elements), halves away from zero
///
/// k = 0 gives -1, which prunes nothing. NaN counts as larger than every number. A float64 magnitude is rounded up to
/// float32, so that |w| > threshold prunes the k weights and only those others that share its float32 ulp.
/// Not differentiable: a constant for autograd.
at::Tensor magnitude_threshold(at::TensorList weights, double sparsity);

}  // namespace compress
