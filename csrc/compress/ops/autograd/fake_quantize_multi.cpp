#include "compress/ops/fake_quantize_multi.h"

#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

#include "compress/ops/tensor_list.h"

namespace compress {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

variable_list slice(const variable_list& variables, size_t begin, size_t count) {
  const auto first = variables.begin() + static_cast<std::ptrdiff_t>(begin);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

/// Saves its inputs only, as fake_quantize: xs, scales, zero_points, masks one after the other.
class FakeQuantizeMulti : public torch::autograd::Function<FakeQuantizeMulti> {
 public:
  static variable_list forward(AutogradContext* context, at::TensorList xs, at::TensorList scales,
                               at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                               const OptionalTensors& masks, at::ArrayRef<double> grad_factors) {
    const at::AutoDispatchBelowADInplaceOrView below;
    variable_list saved;
    for (const at::TensorList tensors : {xs, scales, zero_points}) {
      saved.insert(saved.end(), tensors.begin(), tensors.end());
    }
    for (size_t i = 0; i < masks.size(); ++i) {
      saved.push_back(undefined_if_none(masks.get(i)));
    }
    context->save_for_backward(std::move(saved));
    context->saved_data["tensors"] = static_cast<int64_t>(xs.size());
    context->saved_data["zero_points"] = static_cast<int64_t>(zero_points.size());
    context->saved_data["quant_min"] = quant_min;
    context->saved_data["quant_max"] = quant_max;
    context->saved_data["grad_factors"] = grad_factors.vec();
    return compress::fake_quantize_multi(xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto count = static_cast<size_t>(context->saved_data["tensors"].toInt());
    const auto zero_points = static_cast<size_t>(context->saved_data["zero_points"].toInt());
    const variable_list saved = context->get_saved_variables();
    OptionalTensors masks;
    for (size_t i = 2 * count + zero_points; i < saved.size(); ++i) {
      masks.push_back(none_if_undefined(saved[i]));
    }
    const auto [dxs, dscales, dzero_points] = compress::fake_quantize_multi_backward(
        grads, slice(saved, 0, count), slice(saved, count, count), slice(saved, 2 * count, zero_points),
        context->saved_data["quant_min"].toInt(), context->saved_data["quant_max"].toInt(), masks,
        context->saved_data["grad_factors"].toDoubleVector(),
        {wants(context, 0, count), wants(context, count, count), wants(context, 2 * count, zero_points)});
    variable_list result;
    for (const auto& [gradients, expected] :
         {std::pair(&dxs, count), std::pair(&dscales, count), std::pair(&dzero_points, zero_points)}) {
      result.insert(result.end(), gradients->begin(), gradients->end());
      result.resize(result.size() + expected - gradients->size());
    }
    result.resize(result.size() + 4);  // the grid, masks and factors
    return result;
  }

 private:
  static bool wants(AutogradContext* context, size_t begin, size_t count) {
    bool any = false;
    for (size_t i = begin; i < begin + count; ++i) {
      any = any || context->needs_input_grad(i);
    }
    return any;
  }
};

std::vector<at::Tensor> fake_quantize_multi_autograd(at::TensorList xs, at::TensorList scales,
                                                     at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                                     const OptionalTensors& masks, at::ArrayRef<double> grad_factors) {
  return FakeQuantizeMulti::apply(xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("fake_quantize_multi", TORCH_FN(fake_quantize_multi_autograd));
  m.impl("fake_quantize_multi_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace
}  // namespace compress
