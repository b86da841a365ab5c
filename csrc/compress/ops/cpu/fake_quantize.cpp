#include "compress/ops/cpu/isa/fake_quantize.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <array>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/gradient_sums.h"
#include "compress/ops/cpu/pieces.h"
#include "compress/ops/quantizer.h"

namespace compress::cpu {
namespace {

using math::BlockPieces;

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                         int64_t quant_min, int64_t quant_max, const OptionalTensor& mask, double) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor output = at::empty_like(x);
  if (x.numel() == 0) {
    return output;
  }
  const QuantizerTensors tensors(output, x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor result = tensors.order.writable(output);
  const FakeQuantizeCall call{tensors.kernel, result.mutable_data_ptr()};
  const BlockPieces pieces(call.quantizer.geometry);
  const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_pieces);
  parallel_over_pieces(pieces, [&](int64_t begin, int64_t end) { kernel(call, pieces, begin, end); });
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
  const at::Tensor like_x = at::empty_like(x);
  const QuantizerGradients gradients(like_x, scale, output_mask);
  if (x.numel() == 0) {
    gradients.zero_sums();
    return gradients.tuple();
  }
  const QuantizerTensors tensors(like_x, x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor gradient = tensors.order.contiguous(grad);
  const BlockPieces pieces(tensors.kernel.quantizer.geometry);
  const at::Tensor sums = gradients.wants_sums() ? at::empty({pieces.count * pieces.sums_per_piece(), 2},
                                                             scale.options().dtype(at::kDouble))
                                                 : at::Tensor();
  const auto [dx, dscale, dzero_point] = gradients.writable(tensors.order);
  const FakeQuantizeBackwardCall call{tensors.kernel, gradient.const_data_ptr(),
                                      dx.defined() ? dx.mutable_data_ptr() : nullptr, data_or_null<double>(sums),
                                      dzero_point.defined()};
  if (gradients.wants_x() || gradients.wants_sums()) {
    const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_backward_pieces);
    parallel_over_pieces(pieces, [&](int64_t begin, int64_t end) { kernel(call, pieces, begin, end); });
  }
  if (gradients.wants_sums()) {
    const GradientSums of{call.sums, grad_factor, data_or_null<float>(dscale), data_or_null<float>(dzero_point)};
    const int64_t grain = std::max<int64_t>(1, 4096 / std::max<int64_t>(1, pieces.sums_per_scale()));
    const auto reduce = COMPRESS_SELECT_KERNEL(reduce_gradient_sums);
    at::parallel_for(0, pieces.geometry.scale_count, grain,
                     [&](int64_t begin, int64_t end) { reduce(call.quantizer, pieces, of, begin, end); });
  }
  gradients.deliver(tensors.order, {dx, dscale, dzero_point});
  return gradients.tuple();
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("fake_quantize", TORCH_FN(fake_quantize));
  m.impl("fake_quantize_backward", TORCH_FN(fake_quantize_backward));
}

}  // namespace
}  // namespace compress::cpu
