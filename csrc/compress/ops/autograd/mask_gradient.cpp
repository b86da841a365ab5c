#include "compress/ops/autograd/mask_gradient.h"

#include <ATen/CachedTensorUtils.h>
#include <ATen/TensorSubclassLikeUtils.h>
#include <c10/core/GradMode.h>

#include "compress/ops/apply_mask.h"

namespace compress::autograd {
namespace {

/// Plain, so that what is written to it is what is read; with gradients recorded it is part of a graph.
bool can_be_written(const at::Tensor& grad) {
  return !c10::GradMode::is_enabled() && !at::isTensorSubclassLike(grad) && !grad._is_zerotensor() &&
         !grad.is_nested() && grad.has_storage();
}

/// What torch's engine asks besides before it adds another gradient in place (input_buffer.cpp).
bool is_last_reference(const at::Tensor& grad) {
  return grad.is_non_overlapping_and_dense() && at::caching::adjusted_use_count(grad) == 1 &&
         grad.storage().use_count() == 1;
}

}  // namespace

at::Tensor mask_gradient(const at::Tensor& grad, const at::Tensor& mask, const MemoryOrder& order) {
  const bool plain = can_be_written(grad);
  const bool ours = plain && is_last_reference(grad);  // before `ordered` is another reference
  at::Tensor ordered = order.contiguous(grad);
  if (ours || (plain && !ordered.is_alias_of(grad))) {
    return order.restore(apply_mask_(ordered, mask));
  }
  return order.restore(apply_mask(ordered, mask));
}

}  // namespace compress::autograd
