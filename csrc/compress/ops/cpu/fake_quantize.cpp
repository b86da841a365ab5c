#include "compress/ops/cpu/isa/fake_quantize.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <array>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/number_of.h"
#include "compress/ops/quantizer.h"

namespace compress::cpu {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using math::BlockPieces;

template <typename Body>
void parallel_over_pieces(const BlockPieces& pieces, const Body& body) {
  // Elements a thread takes at least: below this, waking a thread costs more than it saves.
  constexpr int64_t grain_elements = 32768;
  const int64_t elements_per_piece =
      std::max<int64_t>(1, pieces.geometry.elements() / std::max<int64_t>(1, pieces.count));
  at::parallel_for(0, pieces.count, std::max<int64_t>(1, grain_elements / elements_per_piece), body);
}

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                         int64_t quant_min, int64_t quant_max, const OptionalTensor& mask, double) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
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
  const BlockPieces pieces(call.quantizer.geometry);
  const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_pieces);
  parallel_over_pieces(pieces, [&](int64_t begin, int64_t end) { kernel(call, pieces, begin, end); });
  order.deliver(result, output);
  return output;
}

// Second stage of the reduction: the pieces of each scale in their order, in double.
void reduce_sums(const math::Quantizer& quantizer, const BlockPieces& pieces, const double* sums, double grad_factor,
                 float* dscale, float* dzero_point) {
  const int64_t count = pieces.sums_per_scale();
  at::parallel_for(0, quantizer.geometry.scale_count, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, count)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t scale = begin; scale < end; ++scale) {
                       double of_scale = 0;
                       double of_zero_point = 0;
                       for (int64_t n = 0; n < count; ++n) {
                         const int64_t index = pieces.sum_index(scale, n);
                         of_scale += sums[2 * index];
                         of_zero_point += sums[2 * index + 1];
                       }
                       const double step = quantizer.scale[scale];
                       if (dscale != nullptr) {
                         dscale[scale] = static_cast<float>(of_scale * math::scale_unit(step) * grad_factor);
                       }
                       if (dzero_point != nullptr) {
                         dzero_point[scale] =
                             static_cast<float>(of_zero_point * math::zero_point_unit(step) * grad_factor);
                       }
                     }
                   });
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> fake_quantize_backward(const at::Tensor& grad, const at::Tensor& x,
                                                                      const at::Tensor& scale,
                                                                      const OptionalTensor& zero_point,
                                                                      int64_t quant_min, int64_t quant_max,
                                                                      const OptionalTensor& mask, double grad_factor,
                                                                      std::array<bool, 3> output_mask) {
  checks::fake_quantize_backward(grad, x, scale, zero_point, quant_min, quant_max, mask, output_mask);
  const auto like_scale = [&](bool wanted) {
    return wanted ? at::empty(scale.sizes(), scale.options()) : at::Tensor();
  };
  const at::Tensor dscale = like_scale(output_mask[1]);
  const at::Tensor dzero_point = like_scale(output_mask[2]);
  const at::Tensor like_x = at::empty_like(x);
  const at::Tensor dx = output_mask[0] ? like_x : at::Tensor();
  if (x.numel() == 0) {
    if (dscale.defined()) {
      dscale.zero_();
    }
    if (dzero_point.defined()) {
      dzero_point.zero_();
    }
    return {dx, dscale, dzero_point};
  }
  const MemoryOrder order = quantizer_order(like_x, mask.has_value());
  const at::Tensor input = order.contiguous(x);
  const at::Tensor gradient = order.contiguous(grad);
  const at::Tensor bits = mask ? mask->contiguous() : at::Tensor();
  const QuantizerTensors quantizer(order, input.sizes(), scale, zero_point, quant_min, quant_max);
  const BlockPieces pieces(quantizer.kernel.geometry);
  const bool wants_sums = dscale.defined() || dzero_point.defined();
  const at::Tensor sums =
      wants_sums ? at::empty({pieces.count * pieces.sums_per_piece(), 2}, scale.options().dtype(at::kDouble))
                 : at::Tensor();
  const at::Tensor result = dx.defined() ? order.writable(dx) : at::Tensor();
  const FakeQuantizeBackwardCall call{quantizer.kernel,
                                      packed_mask(bits, input.sizes()),
                                      number_of(x.scalar_type()),
                                      gradient.const_data_ptr(),
                                      input.const_data_ptr(),
                                      dx.defined() ? result.mutable_data_ptr() : nullptr,
                                      wants_sums ? sums.mutable_data_ptr<double>() : nullptr};
  if (dx.defined() || wants_sums) {
    const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_backward_pieces);
    parallel_over_pieces(pieces, [&](int64_t begin, int64_t end) { kernel(call, pieces, begin, end); });
  }
  if (dx.defined()) {
    order.deliver(result, dx);
  }
  if (wants_sums) {
    const at::Tensor scale_result = dscale.defined() ? order.writable(dscale) : at::Tensor();
    const at::Tensor zero_result = dzero_point.defined() ? order.writable(dzero_point) : at::Tensor();
    reduce_sums(call.quantizer, pieces, call.sums, grad_factor,
                dscale.defined() ? scale_result.mutable_data_ptr<float>() : nullptr,
                dzero_point.defined() ? zero_result.mutable_data_ptr<float>() : nullptr);
    if (dscale.defined()) {
      order.deliver(scale_result, dscale);
    }
    if (dzero_point.defined()) {
      order.deliver(zero_result, dzero_point);
    }
  }
  return {dx, dscale, dzero_point};
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("fake_quantize", TORCH_FN(fake_quantize));
  m.impl("fake_quantize_backward", TORCH_FN(fake_quantize_backward));
}

}  // namespace
}  // namespace compress::cpu
