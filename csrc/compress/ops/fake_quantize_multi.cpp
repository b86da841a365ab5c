#include "compress/ops/fake_quantize_multi.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/tensor_list.h"

namespace compress {
namespace {

using GradientLists = std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>, std::vector<at::Tensor>>;

void check_lengths(const char* op, at::TensorList xs, at::TensorList scales, at::TensorList zero_points,
                   const OptionalTensors& masks, at::ArrayRef<double> grad_factors) {
  check_length(op, "scales", scales.size(), xs.size());
  if (!zero_points.empty()) {
    check_length(op, "zero_points", zero_points.size(), xs.size());
  }
  if (!masks.empty()) {
    check_length(op, "masks", masks.size(), xs.size());
  }
  if (!grad_factors.empty()) {
    check_length(op, "grad_factors", grad_factors.size(), xs.size());
  }
  check_one_device(op, xs);
}

}  // namespace

void checks::fake_quantize_multi(at::TensorList xs, at::TensorList scales, at::TensorList zero_points,
                                 int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
                                 at::ArrayRef<double> grad_factors) {
  check_lengths("fake_quantize_multi", xs, scales, zero_points, masks, grad_factors);
  for (size_t i = 0; i < xs.size(); ++i) {
    check_position("fake_quantize_multi", i, [&] {
      checks::fake_quantize(xs[i], scales[i], entry_of(zero_points, i), quant_min, quant_max, entry_of(masks, i));
    });
  }
}

void checks::fake_quantize_multi_backward(at::TensorList grads, at::TensorList xs, at::TensorList scales,
                                          at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                          const OptionalTensors& masks, at::ArrayRef<double> grad_factors,
                                          std::array<bool, 3> output_mask) {
  check_lengths("fake_quantize_multi_backward", xs, scales, zero_points, masks, grad_factors);
  check_length("fake_quantize_multi_backward", "grads", grads.size(), xs.size());
  for (size_t i = 0; i < xs.size(); ++i) {
    check_position("fake_quantize_multi_backward", i, [&] {
      checks::fake_quantize_backward(grads[i], xs[i], scales[i], entry_of(zero_points, i), quant_min, quant_max,
                                     entry_of(masks, i), output_mask);
    });
  }
}

std::vector<at::Tensor> fake_quantize_multi(at::TensorList xs, at::TensorList scales, at::TensorList zero_points,
                                            int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
                                            at::ArrayRef<double> grad_factors) {
  static const auto op = find_operator<decltype(compress::fake_quantize_multi)>("compress::fake_quantize_multi");
  return op.call(xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
}

GradientLists fake_quantize_multi_backward(at::TensorList grads, at::TensorList xs, at::TensorList scales,
                                           at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                           const OptionalTensors& masks, at::ArrayRef<double> grad_factors,
                                           std::array<bool, 3> output_mask) {
  static const auto op =
      find_operator<decltype(compress::fake_quantize_multi_backward)>("compress::fake_quantize_multi_backward");
  return op.call(grads, xs, scales, zero_points, quant_min, quant_max, masks, grad_factors, output_mask);
}

namespace {

std::vector<at::Tensor> fake_quantize_multi_meta(at::TensorList xs, at::TensorList scales, at::TensorList zero_points,
                                                 int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
                                                 at::ArrayRef<double> grad_factors) {
  checks::fake_quantize_multi(xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
  std::vector<at::Tensor> results;
  for (const at::Tensor& x : xs) {
    results.push_back(at::empty_like(x));
  }
  return results;
}

// Also reached by empty lists, and by devices without a kernel.
std::vector<at::Tensor> fake_quantize_multi_elsewhere(at::TensorList xs, at::TensorList scales,
                                                      at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                                      const OptionalTensors& masks, at::ArrayRef<double> grad_factors) {
  checks::fake_quantize_multi(xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
  check_no_tensors("fake_quantize_multi", xs);
  return {};
}

GradientLists fake_quantize_multi_backward_meta(at::TensorList grads, at::TensorList xs, at::TensorList scales,
                                                at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                                const OptionalTensors& masks, at::ArrayRef<double> grad_factors,
                                                std::array<bool, 3> output_mask) {
  checks::fake_quantize_multi_backward(grads, xs, scales, zero_points, quant_min, quant_max, masks, grad_factors,
                                       output_mask);
  GradientLists lists;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (output_mask[0]) {
      std::get<0>(lists).push_back(at::empty_like(xs[i]));
    }
    if (output_mask[1]) {
      std::get<1>(lists).push_back(at::empty_symint(scales[i].sym_sizes(), scales[i].options()));
    }
    if (output_mask[2]) {
      std::get<2>(lists).push_back(at::empty_symint(scales[i].sym_sizes(), scales[i].options()));
    }
  }
  return lists;
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "fake_quantize_multi(Tensor[] xs, Tensor[] scales, Tensor[] zero_points, int quant_min, int quant_max, *, "
      "Tensor?[] masks, float[] grad_factors) -> Tensor[]",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "fake_quantize_multi_backward(Tensor[] grads, Tensor[] xs, Tensor[] scales, Tensor[] zero_points, "
      "int quant_min, int quant_max, Tensor?[] masks, float[] grad_factors, bool[3] output_mask) -> "
      "(Tensor[], Tensor[], Tensor[])",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("fake_quantize_multi", TORCH_FN(fake_quantize_multi_meta));
  m.impl("fake_quantize_multi_backward", TORCH_FN(fake_quantize_multi_backward_meta));
}
TORCH_LIBRARY_IMPL(compress, CompositeExplicitAutograd, m) {
  m.impl("fake_quantize_multi", TORCH_FN(fake_quantize_multi_elsewhere));
}

}  // namespace
}  // namespace compress
