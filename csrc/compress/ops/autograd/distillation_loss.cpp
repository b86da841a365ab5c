#include "compress/ops/distillation_loss.h"

#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "compress/ops/optional_tensor.h"

namespace compress {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Saves its inputs and O(rows) numbers; the probabilities are computed again.
class DistillationLoss : public torch::autograd::Function<DistillationLoss> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& student, const at::Tensor& teacher,
                            double temperature, const OptionalTensor& target, double alpha) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const auto [loss, row_statistics, counted_rows] =
        distillation_loss_forward(student, teacher, temperature, target, alpha);
    context->save_for_backward({student, teacher, undefined_if_none(target), row_statistics, counted_rows});
    context->saved_data["temperature"] = temperature;
    context->saved_data["alpha"] = alpha;
    return loss;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor grad_student = distillation_loss_backward(
        grads[0], saved[0], saved[1], context->saved_data["temperature"].toDouble(), none_if_undefined(saved[2]),
        context->saved_data["alpha"].toDouble(), saved[3], saved[4]);
    return {grad_student, {}, {}, {}, {}};
  }
};

at::Tensor distillation_loss_autograd(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                      const OptionalTensor& target, double alpha) {
  return DistillationLoss::apply(student, teacher.detach(), temperature, target, alpha);
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("distillation_loss", TORCH_FN(distillation_loss_autograd));
  // Differentiating these (a second derivative) raises "derivative for compress::... is not implemented".
  m.impl("distillation_loss_forward", torch::autograd::autogradNotImplementedFallback());
  m.impl("distillation_loss_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace
}  // namespace compress
