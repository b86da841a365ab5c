#include "compress/ops/cuda/fake_quantize.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <array>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/quantizer.h"

namespace compress::cuda {
namespace {

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                         int64_t quant_min, int64_t quant_max, const OptionalTensor& mask, double) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  const c10::cuda::CUDAGuard device(x.device());
  const at::Tensor output = at::empty_like(x);
  if (x.numel() == 0) {
    return output;
  }
  const QuantizerTensors tensors(output, x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor result = tensors.order.writable(output);
  launch_fake_quantize({tensors.kernel, result.mutable_data_ptr()}, c10::cuda::getCurrentCUDAStream());
  check_launch();
  tensors.order.deliver(result, output);
  return output;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> fake_quantize_backward(const at::Tensor& grad, const at::Tensor& x,
                                                                      const at::Tensor& scale,
                                                                      const OptionalTensor& zero_point,
                                                                      int64_t quant_min, int64_t quant_max,
                                                                      const OptionalTensor& mask, double grad_factor,
                                                                      std::array<bool, 3> output_mask) {
  checks::fake_quantize_backward(grad, x, scale, zero_point, quant_min, quant_max, mask, output_mask);
  const c10::cuda::CUDAGuard device(x.device());
  const at::Tensor like_x = at::empty_like(x);
  const QuantizerGradients gradients(like_x, scale, output_mask);
  if (x.numel() == 0 || !(gradients.wants_x() || gradients.wants_sums())) {
    gradients.zero_sums();
    return gradients.tuple();
  }
  const QuantizerTensors tensors(like_x, x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor gradient = tensors.order.contiguous(grad);
  const auto [dx, dscale, dzero_point] = gradients.writable(tensors.order);
  FakeQuantizeBackwardCall call{tensors.kernel,
                                gradient.const_data_ptr(),
                                dx.defined() ? dx.mutable_data_ptr() : nullptr,
                                data_or_null<float>(dscale),
                                data_or_null<float>(dzero_point),
                                grad_factor};
  const int64_t sums = backward_sums(call);
  const at::Tensor memory =
      sums > 0 ? at::empty({sums * partial_sum_bytes}, scale.options().dtype(at::kByte)) : at::Tensor();
  call.sums = sums > 0 ? memory.mutable_data_ptr() : nullptr;
  launch_fake_quantize_backward(call, c10::cuda::getCurrentCUDAStream());
  check_launch();
  gradients.deliver(tensors.order, {dx, dscale, dzero_point});
  return gradients.tuple();
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("fake_quantize", TORCH_FN(fake_quantize));
  m.impl("fake_quantize_backward", TORCH_FN(fake_quantize_backward));
}

}  // namespace
}  // namespace compress::cuda
