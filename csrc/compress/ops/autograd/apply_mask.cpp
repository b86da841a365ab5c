#include "compress/ops/apply_mask.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "compress/ops/autograd/in_place.h"
#include "compress/ops/autograd/mask_gradient.h"

namespace compress::autograd {
namespace {

// Linear in x, so the backward is the operator itself and differentiates again.
class ApplyMask : public torch::autograd::Function<ApplyMask> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& mask) {
    context->save_for_backward({mask});
    at::AutoDispatchBelowADInplaceOrView below;
    return compress::apply_mask(x, mask);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    if (!grads[0].defined()) {
      return {at::Tensor(), at::Tensor()};
    }
    return {mask_gradient(grads[0], context->get_saved_variables()[0]), at::Tensor()};
  }
};

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  return ApplyMask::apply(x, mask);
}

void apply_mask_(at::Tensor& x, const at::Tensor& mask) {
  check_in_place("apply_mask_", x);
  at::AutoDispatchBelowAutograd below;
  compress::apply_mask_(x, mask);
}

void apply_mask_and_count_version(at::Tensor& x, const at::Tensor& mask) {
  {
    at::AutoDispatchBelowADInplaceOrView below;
    compress::apply_mask_(x, mask);
  }
  torch::autograd::increment_version(x);
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("apply_mask", TORCH_FN(apply_mask));
  m.impl("apply_mask_", TORCH_FN(apply_mask_));
}
TORCH_LIBRARY_IMPL(compress, ADInplaceOrView, m) {
  m.impl("apply_mask_", TORCH_FN(apply_mask_and_count_version));
}

}  // namespace
}  // namespace compress::autograd
