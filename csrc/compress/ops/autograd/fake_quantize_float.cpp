#include "compress/ops/fake_quantize_float.h"

#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "compress/ops/optional_tensor.h"

namespace compress::autograd {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class FakeQuantizeFloat : public torch::autograd::Function<FakeQuantizeFloat> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            int64_t exponent_bits, int64_t mantissa_bits, const OptionalTensor& mask) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, scale, undefined_if_none(mask)});
    context->saved_data["exponent_bits"] = exponent_bits;
    context->saved_data["mantissa_bits"] = mantissa_bits;
    return compress::fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    if (!grads[0].defined()) {
      return {{}, {}, {}, {}, {}};
    }
    const variable_list inputs = context->get_saved_variables();
    const at::Tensor dx = compress::fake_quantize_float_backward(
        grads[0], inputs[0], inputs[1], context->saved_data["exponent_bits"].toInt(),
        context->saved_data["mantissa_bits"].toInt(), none_if_undefined(inputs[2]));
    return {dx, {}, {}, {}, {}};
  }
};

at::Tensor fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                               int64_t mantissa_bits, const OptionalTensor& mask) {
  TORCH_CHECK(!(c10::GradMode::is_enabled() && scale.requires_grad()),
              "fake_quantize_float: scale has no gradient (got a scale that requires grad, expected scale.detach())");
  return FakeQuantizeFloat::apply(x, scale, exponent_bits, mantissa_bits, mask);
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("fake_quantize_float", TORCH_FN(fake_quantize_float));
  // A second differentiation raises "derivative for compress::fake_quantize_float_backward is not implemented".
  m.impl("fake_quantize_float_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace
}  // namespace compress::autograd
