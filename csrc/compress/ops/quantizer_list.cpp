#include "compress/ops/quantizer_list.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include "compress/ops/checks.h"
#include "compress/ops/quantizer.h"

namespace compress {
namespace {

struct Forward {
  QuantizerTensors tensors;
  at::Tensor output;
  at::Tensor written;
};

struct Backward {
  QuantizerTensors tensors;
  at::Tensor grad;
  QuantizerGradients gradients;
  std::array<at::Tensor, 3> written;
};

}  // namespace

std::vector<at::Tensor> fake_quantize_multi_with(QuantizeAll quantize, at::TensorList xs, at::TensorList scales,
                                                 at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                                 const OptionalTensors& masks, at::ArrayRef<double> grad_factors) {
  checks::fake_quantize_multi(xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
  const c10::DeviceGuard device(xs[0].device());
  std::vector<at::Tensor> outputs;
  std::vector<Forward> forwards;
  std::vector<math::FakeQuantizeCall> calls;
  for (size_t i = 0; i < xs.size(); ++i) {
    const at::Tensor& output = outputs.emplace_back(at::empty_like(xs[i]));
    if (xs[i].numel() > 0) {
      QuantizerTensors tensors(output, xs[i], scales[i], entry_of(zero_points, i), quant_min, quant_max,
                               entry_of(masks, i));
      const at::Tensor written = tensors.order.writable(output);
      calls.push_back({tensors.kernel, written.mutable_data_ptr()});
      forwards.push_back({std::move(tensors), output, written});
    }
  }
  quantize(calls);
  for (const Forward& forward : forwards) {
    forward.tensors.order.deliver(forward.written, forward.output);
  }
  return outputs;
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>, std::vector<at::Tensor>> fake_quantize_multi_backward_with(
    DifferentiateAll differentiate, at::TensorList grads, at::TensorList xs, at::TensorList scales,
    at::TensorList zero_points, int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
    at::ArrayRef<double> grad_factors, std::array<bool, 3> output_mask) {
  checks::fake_quantize_multi_backward(grads, xs, scales, zero_points, quant_min, quant_max, masks, grad_factors,
                                       output_mask);
  const c10::DeviceGuard device(xs[0].device());
  std::array<std::vector<at::Tensor>, 3> lists;
  std::vector<Backward> backwards;
  std::vector<QuantizerGradientCall> calls;
  for (size_t i = 0; i < xs.size(); ++i) {
    const at::Tensor like_x = at::empty_like(xs[i]);
    const QuantizerGradients gradients(like_x, scales[i], output_mask);
    const auto [dx, dscale, dzero_point] = gradients.tuple();
    for (const auto& [list, gradient] : {std::pair(&lists[0], dx), {&lists[1], dscale}, {&lists[2], dzero_point}}) {
      if (gradient.defined()) {
        list->push_back(gradient);
      }
    }
    if (xs[i].numel() == 0) {
      gradients.zero_sums();
      continue;
    }
    QuantizerTensors tensors(like_x, xs[i], scales[i], entry_of(zero_points, i), quant_min, quant_max,
                             entry_of(masks, i));
    const at::Tensor grad = tensors.order.contiguous(grads[i]);
    const auto written = gradients.writable(tensors.order);
    calls.push_back({tensors.kernel, grad.const_data_ptr(),
                     written[0].defined() ? written[0].mutable_data_ptr() : nullptr, data_or_null<float>(written[1]),
                     data_or_null<float>(written[2]), grad_factors.empty() ? 1.0 : grad_factors[i]});
    backwards.push_back({std::move(tensors), grad, gradients, written});
  }
  if (output_mask[0] || output_mask[1] || output_mask[2]) {
    differentiate(calls);
  }
  for (const Backward& backward : backwards) {
    backward.gradients.deliver(backward.tensors.order, backward.written);
  }
  return {std::move(lists[0]), std::move(lists[1]), std::move(lists[2])};
}

}  // namespace compress
