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

using OptionalTensor = std::optional<at::Tensor>;

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                         int64_t quant_min, int64_t quant_max, const OptionalTensor& mask, double) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  const c10::cuda::CUDAGuard device(x.device());
  const at::Tensor output = at::empty_like(x);
  if (x.numel() == 0) {
    return output;
  }
  const MemoryOrder order = quantizer_order(output, mask.has_value());
  const at::Tensor input = order.contiguous(x);
  const at::Tensor result = order.writable(output);
  const at::Tensor bits = mask ? mask->contiguous() : at::Tensor();
  const QuantizerTensors quantizer(order, input.sizes(), scale, zero_point, quant_min, quant_max);
  const FakeQuantizeCall call{quantizer.kernel, packed_mask(bits, input.sizes()), number_of(x.scalar_type()),
                              input.const_data_ptr(), result.mutable_data_ptr()};
  launch_fake_quantize(call, c10::cuda::getCurrentCUDAStream());
  check_launch();
  order.deliver(result, output);
  return output;
}

void zero_if_defined(const at::Tensor& tensor) {
  if (tensor.defined()) {
    tensor.zero_();
  }
}

float* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> fake_quantize_backward(const at::Tensor& grad, const at::Tensor& x,
                                                                      const at::Tensor& scale,
                                                                      const OptionalTensor& zero_point,
                                                                      int64_t quant_min, int64_t quant_max,
                                                                      const OptionalTensor& mask, double grad_factor,
                                                                      std::array<bool, 3> output_mask) {
  checks::fake_quantize_backward(grad, x, scale, zero_point, quant_min, quant_max, mask, output_mask);
  const c10::cuda::CUDAGuard device(x.device());
  const auto like_scale = [&](bool wanted) {
    return wanted ? at::empty(scale.sizes(), scale.options()) : at::Tensor();
  };
  const at::Tensor dscale = like_scale(output_mask[1]);
  const at::Tensor dzero_point = like_scale(output_mask[2]);
  const bool wants_sums = output_mask[1] || output_mask[2];
  const at::Tensor like_x = at::empty_like(x);
  const at::Tensor dx = output_mask[0] ? like_x : at::Tensor();
  if (x.numel() == 0 || !(output_mask[0] || wants_sums)) {
    zero_if_defined(dscale);
    zero_if_defined(dzero_point);
    return {dx, dscale, dzero_point};
  }
  const MemoryOrder order = quantizer_order(like_x, mask.has_value());
  const auto writable = [&](const at::Tensor& output) { return output.defined() ? order.writable(output) : output; };
  const at::Tensor input = order.contiguous(x);
  const at::Tensor gradient = order.contiguous(grad);
  const at::Tensor bits = mask ? mask->contiguous() : at::Tensor();
  const QuantizerTensors quantizer(order, input.sizes(), scale, zero_point, quant_min, quant_max);
  const math::BlockPieces pieces(quantizer.kernel.geometry);
  const at::Tensor sums =
      wants_sums ? at::empty({pieces.count * pieces.sums_per_piece(), 2}, scale.options()) : at::Tensor();
  const std::array<at::Tensor, 3> outputs = {dx, dscale, dzero_point};
  const std::array<at::Tensor, 3> written = {writable(dx), writable(dscale), writable(dzero_point)};
  const FakeQuantizeBackwardCall call{
      quantizer.kernel,           packed_mask(bits, input.sizes()),
      number_of(x.scalar_type()), gradient.const_data_ptr(),
      input.const_data_ptr(),     dx.defined() ? written[0].mutable_data_ptr() : nullptr,
      data_or_null(sums),         data_or_null(written[1]),
      data_or_null(written[2]),   grad_factor};
  launch_fake_quantize_backward(call, c10::cuda::getCurrentCUDAStream());
  check_launch();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].defined()) {
      order.deliver(written[i], outputs[i]);
    }
  }
  return {dx, dscale, dzero_point};
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("fake_quantize", TORCH_FN(fake_quantize));
  m.impl("fake_quantize_backward", TORCH_FN(fake_quantize_backward));
}

}  // namespace
}  // namespace compress::cuda
