#include <torch/library.h>

#include <memory>

#include "compress/ops/cpu/isa/fake_quantize.h"
#include "compress/ops/cpu/isa/gradient_sums.h"
#include "compress/ops/cpu/work_list.h"
#include "compress/ops/quantizer_list.h"

namespace compress::cpu {
namespace {

using math::BlockPieces;

constexpr int64_t grain_elements = 32768;

void quantize_all(const std::vector<FakeQuantizeCall>& calls) {
  std::vector<BlockPieces> pieces;
  WorkList work;
  for (const FakeQuantizeCall& call : calls) {
    const BlockPieces& of = pieces.emplace_back(call.quantizer.geometry);
    work.add(of.count, of.geometry.elements() / of.count);
  }
  const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_pieces);
  work.parallel(grain_elements,
                [&](size_t tensor, int64_t begin, int64_t end) { kernel(calls[tensor], pieces[tensor], begin, end); });
}

/// First stage: dx and the sums of pieces. Second: the gradients of scales, where any is wanted.
void differentiate_all(const std::vector<QuantizerGradientCall>& gradients) {
  std::vector<BlockPieces> pieces;
  WorkList work;
  int64_t sums = 0;
  for (const QuantizerGradientCall& gradient : gradients) {
    const BlockPieces& of = pieces.emplace_back(gradient.quantizer.geometry);
    work.add(of.count, of.geometry.elements() / of.count);
    sums += gradient.wants_sums() ? 2 * of.count * of.sums_per_piece() : 0;
  }
  const auto memory = std::make_unique_for_overwrite<double[]>(static_cast<size_t>(sums));
  std::vector<FakeQuantizeBackwardCall> calls;
  WorkList scales;
  sums = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const QuantizerGradientCall& gradient = gradients[i];
    const bool wants_sums = gradient.wants_sums();
    calls.push_back({gradient, gradient.grad, gradient.dx, wants_sums ? memory.get() + sums : nullptr,
                     gradient.dzero_point != nullptr});
    sums += wants_sums ? 2 * pieces[i].count * pieces[i].sums_per_piece() : 0;
    scales.add(wants_sums ? pieces[i].geometry.scale_count : 0, pieces[i].sums_per_scale());
  }
  const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_backward_pieces);
  work.parallel(grain_elements,
                [&](size_t tensor, int64_t begin, int64_t end) { kernel(calls[tensor], pieces[tensor], begin, end); });
  constexpr int64_t grain_sums = 4096;
  const auto reduce = COMPRESS_SELECT_KERNEL(reduce_gradient_sums);
  scales.parallel(grain_sums, [&](size_t tensor, int64_t begin, int64_t end) {
    const QuantizerGradientCall& gradient = gradients[tensor];
    reduce(gradient.quantizer, pieces[tensor],
           {calls[tensor].sums, gradient.grad_factor, gradient.dscale, gradient.dzero_point}, begin, end);
  });
}

std::vector<at::Tensor> fake_quantize_multi(at::TensorList xs, at::TensorList scales, at::TensorList zero_points,
                                            int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
                                            at::ArrayRef<double> grad_factors) {
  return fake_quantize_multi_with(&quantize_all, xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>, std::vector<at::Tensor>> fake_quantize_multi_backward(
    at::TensorList grads, at::TensorList xs, at::TensorList scales, at::TensorList zero_points, int64_t quant_min,
    int64_t quant_max, const OptionalTensors& masks, at::ArrayRef<double> grad_factors,
    std::array<bool, 3> output_mask) {
  return fake_quantize_multi_backward_with(&differentiate_all, grads, xs, scales, zero_points, quant_min, quant_max,
                                           masks, grad_factors, output_mask);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("fake_quantize_multi", TORCH_FN(fake_quantize_multi));
  m.impl("fake_quantize_multi_backward", TORCH_FN(fake_quantize_multi_backward));
}

}  // namespace
}  // namespace compress::cpu
