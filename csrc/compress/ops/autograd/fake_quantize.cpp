#include "compress/ops/fake_quantize.h"

#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "compress/ops/autograd/mask_gradient.h"
#include "compress/ops/fake_quantize_clip_mask.h"
#include "compress/ops/memory_order.h"
#include "compress/ops/optional_tensor.h"

namespace compress {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Where the grid is learned. Saves its inputs only: the backward operator finds again what was inside the grid.
class FakeQuantize : public torch::autograd::Function<FakeQuantize> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max,
                            const OptionalTensor& mask, double grad_factor) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, scale, undefined_if_none(zero_point), undefined_if_none(mask)});
    context->saved_data["quant_min"] = quant_min;
    context->saved_data["quant_max"] = quant_max;
    context->saved_data["grad_factor"] = grad_factor;
    return compress::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask, grad_factor);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list inputs = context->get_saved_variables();
    // Only tensors that were given are counted: without a zero_point the mask would be number 2.
    const bool wants_zero_point = inputs[2].defined() && context->needs_input_grad(2);
    const auto [dx, dscale, dzero_point] = compress::fake_quantize_backward(
        grads[0], inputs[0], inputs[1], none_if_undefined(inputs[2]), context->saved_data["quant_min"].toInt(),
        context->saved_data["quant_max"].toInt(), none_if_undefined(inputs[3]),
        context->saved_data["grad_factor"].toDouble(),
        {context->needs_input_grad(0), context->needs_input_grad(1), wants_zero_point});
    return {dx, dscale, dzero_point, {}, {}, {}, {}};
  }
};

/// Where only x is learned. Saves one bit per element, in the order of y's memory: neither x nor scale, which an
/// observer may then change before the backward. Linear in the gradient, so it differentiates again.
class StraightThrough : public torch::autograd::Function<StraightThrough> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max,
                            const OptionalTensor& mask) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const auto [y, clip_mask] = compress::fake_quantize_clip_mask(x, scale, zero_point, quant_min, quant_max, mask);
    context->save_for_backward({clip_mask});
    context->saved_data["order"] = mask ? std::vector<int64_t>() : MemoryOrder(y).dims;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const MemoryOrder order(context->saved_data["order"].toIntVector());
    const at::Tensor clip_mask = context->get_saved_variables()[0];
    return {autograd::mask_gradient(grads[0], clip_mask, order), {}, {}, {}, {}, {}};
  }
};

bool is_learned(const at::Tensor& tensor) {
  return (tensor.requires_grad() && at::GradMode::is_enabled()) || tensor._fw_grad(0).defined();
}

at::Tensor fake_quantize_autograd(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                                  int64_t quant_min, int64_t quant_max, const OptionalTensor& mask,
                                  double grad_factor) {
  if (is_learned(scale) || (zero_point && is_learned(*zero_point))) {
    return FakeQuantize::apply(x, scale, zero_point, quant_min, quant_max, mask, grad_factor);
  }
  if (is_learned(x)) {
    return StraightThrough::apply(x, scale, zero_point, quant_min, quant_max, mask);
  }
  const at::AutoDispatchBelowADInplaceOrView below;
  return compress::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask, grad_factor);
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("fake_quantize", TORCH_FN(fake_quantize_autograd));
  // Differentiation raises "derivative for compress::fake_quantize_backward is not implemented".
  m.impl("fake_quantize_backward", torch::autograd::autogradNotImplementedFallback());
  m.impl("fake_quantize_clip_mask", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace
}  // namespace compress
