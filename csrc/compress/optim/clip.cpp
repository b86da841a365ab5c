#include "compress/optim/clip.h"

#include "compress/core/error.h"
#include "compress/optim/partition.h"

namespace compress::optim {
namespace {

// torch's guard against division by zero; part of its arithmetic, so also of ours.
constexpr double norm_epsilon = 1e-6;

std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> gradients;
  gradients.reserve(parameters.size());
  for (const at::Tensor& parameter : parameters) {
    if (const at::Tensor& gradient = parameter.grad(); gradient.defined()) {
      gradients.push_back(gradient);
    }
  }
  return gradients;
}

}  // namespace

at::Tensor clip_gradient_norm_(const std::vector<at::Tensor>& parameters, double max_norm) {
  check<UsageError>(max_norm > 0, "clip_gradient_norm_: max_norm must be above 0 (got ", max_norm, ")");
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) {
    return at::zeros({});
  }
  const auto parts = partition_by_device_and_dtype(gradients);
  std::vector<at::Tensor> norms;
  for (const auto& part : parts) {
    for (at::Tensor& norm : at::_foreach_norm(select(gradients, part), 2)) {
      norms.push_back(norm.to(gradients.front().device(), /*non_blocking=*/true));
    }
  }
  const at::Tensor total = at::linalg_vector_norm(at::stack(norms));
  // Clamped on the device instead of an `if`, which would have to wait for the norm.
  const at::Tensor coefficient = (max_norm / (total + norm_epsilon)).clamp_max_(1.0);
  for (const auto& part : parts) {
    const at::Device device = gradients[part.front()].device();
    at::_foreach_mul_(select(gradients, part), coefficient.to(device, /*non_blocking=*/true));
  }
  return total;
}

}  // namespace compress::optim
