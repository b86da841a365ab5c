#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// x where the packed mask (see pack_mask) keeps it, else exactly zero: a selection, not a product, so a pruned NaN or
/// Inf becomes 0. x: any real dtype, any strides; the result lies as at::empty_like(x) does. Differentiable in x, any
/// number of times.
at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask);

/// The same in place; for weights after an optimizer step, under no_grad. It has no gradient: raises on a tensor that
/// requires grad while gradients are recorded.
at::Tensor& apply_mask_(at::Tensor& x, const at::Tensor& mask);

}  // namespace compress
