#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace compress::optim {

/// Scales the gradients of `parameters` in place by min(1, max_norm / (norm + 1e-6)), where norm is the 2-norm of all
/// of them together, and returns that norm: a scalar on the device of the first gradient, never read here, so the host
/// does not wait for a GPU. Arithmetic of torch.nn.utils.clip_grad_norm_: a NaN or infinite norm is not an error, and
/// shows in the returned tensor and in the gradients. Parameters without a gradient are left out; the norm of no
/// gradients at all is 0. Raises UsageError where max_norm is not above 0.
at::Tensor clip_gradient_norm_(const std::vector<at::Tensor>& parameters, double max_norm);

}  // namespace compress::optim
