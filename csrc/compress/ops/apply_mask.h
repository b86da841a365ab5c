#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// x where the packed mask keeps it, else exactly zero: a selection, not a product, so a pruned NaN or Inf becomes 0.
/// Differentiable in x.
at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask);

/// The same in place; for weights after an optimizer step. Not differentiable.
at::Tensor& apply_mask_(at::Tensor& x, const at::Tensor& mask);

}  // namespace compress
