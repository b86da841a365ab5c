#pragma once

#include <ATen/core/Tensor.h>

#include "compress/ops/memory_order.h"

namespace compress::autograd {

/// apply_mask(grad, mask), where `mask` numbers the elements in `order`. Over grad itself where nobody else can see it,
/// which saves a fresh tensor; so a backward calls it with the gradient that the engine gave it, not with a copy.
at::Tensor mask_gradient(const at::Tensor& grad, const at::Tensor& mask, const MemoryOrder& order = {});

}  // namespace compress::autograd
