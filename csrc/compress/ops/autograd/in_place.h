#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/VariableTypeUtils.h>

namespace compress::autograd {

/// For operators that write to `tensor` and have no gradient: raises torch's own error for a leaf that requires grad
/// (or a view of one), and for any other tensor that takes part in a graph, instead of a silently wrong gradient. An
/// undefined tensor passes.
inline void check_in_place(const char* op, const at::Tensor& tensor) {
  if (!tensor.defined()) {
    return;
  }
  const bool recorded = c10::GradMode::is_enabled() && tensor.requires_grad();
  torch::autograd::check_inplace(tensor, recorded);
  TORCH_CHECK(!recorded, op, ": has no gradient (got a tensor that requires grad, expected a call under no_grad)");
}

/// A tensor that was written to counts its version, so that a graph that saved it before sees the change.
inline void count_version(const at::Tensor& tensor) {
  if (tensor.defined()) {
    torch::autograd::increment_version(tensor);
  }
}

}  // namespace compress::autograd
