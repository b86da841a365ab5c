#include "compress/ops/fake_quantize.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"
#include "compress/ops/math/fake_quantize.h"
#include "compress/ops/optional_tensor.h"
#include "compress/ops/packed_mask.h"

namespace compress {
namespace {

using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

}  // namespace

void checks::zero_point(const char* op, const at::Tensor& zero_point, const at::Tensor& scale) {
  const auto type = zero_point.scalar_type();
  TORCH_CHECK(type == at::kInt || type == at::kLong || type == at::kFloat, op,
              ": zero_point must be int32, int64 or float32 (got ", type, ")");
  TORCH_CHECK(zero_point.sym_sizes() == scale.sym_sizes(), op, ": zero_point must have scale's shape (got ",
              zero_point.sym_sizes(), ", expected ", scale.sym_sizes(), ")");
  TORCH_CHECK(zero_point.device() == scale.device(), op, ": zero_point must be on scale's device (got ",
              zero_point.device(), ", expected ", scale.device(), ")");
}

void checks::fake_quantize(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                           int64_t quant_min, int64_t quant_max, const OptionalTensor& mask) {
  check_float_format("fake_quantize", "x", x.scalar_type());
  TORCH_CHECK(scale.scalar_type() == at::kFloat, "fake_quantize: scale must be float32 (got ", scale.scalar_type(),
              ")");
  TORCH_CHECK(scale.device() == x.device(), "fake_quantize: scale must be on x's device (got ", scale.device(),
              ", expected ", x.device(), ")");
  TORCH_CHECK(quant_min < quant_max, "fake_quantize: quant_min must be below quant_max (got ", quant_min, " and ",
              quant_max, ")");
  TORCH_CHECK(quant_min >= -math::max_quant && quant_max <= math::max_quant,
              "fake_quantize: quant_min and quant_max must lie within -2^21..2^21 (got ", quant_min, " and ", quant_max,
              ")");
  check_granularity("fake_quantize", "scale", scale, x);
  if (zero_point) {
    checks::zero_point("fake_quantize", *zero_point, scale);
  } else {
    TORCH_CHECK(quant_min <= 0 && quant_max >= 0,
                "fake_quantize: without zero_point, 0 must lie between quant_min and quant_max (got ", quant_min,
                " and ", quant_max, ")");
  }
  if (mask) {
    check_packed_mask("fake_quantize", *mask, x.sym_sizes(), x.device());
  }
}

void checks::fake_quantize_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                    const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max,
                                    const OptionalTensor& mask, std::array<bool, 3> output_mask) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  TORCH_CHECK(grad.scalar_type() == x.scalar_type(), "fake_quantize_backward: grad must have x's dtype (got ",
              grad.scalar_type(), ", expected ", x.scalar_type(), ")");
  TORCH_CHECK(grad.sym_sizes() == x.sym_sizes(), "fake_quantize_backward: grad must have x's shape (got ",
              grad.sym_sizes(), ", expected ", x.sym_sizes(), ")");
  TORCH_CHECK(grad.device() == x.device(), "fake_quantize_backward: grad must be on x's device (got ", grad.device(),
              ", expected ", x.device(), ")");
  TORCH_CHECK(!output_mask[2] || (zero_point && zero_point->scalar_type() == at::kFloat),
              "fake_quantize_backward: only a float32 zero_point has a gradient (output_mask asks for one)");
}

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                         int64_t quant_min, int64_t quant_max, const OptionalTensor& mask, double grad_factor) {
  static const auto op = find_operator<decltype(compress::fake_quantize)>("compress::fake_quantize");
  return op.call(x, scale, zero_point, quant_min, quant_max, mask, grad_factor);
}

Gradients fake_quantize_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                 const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max,
                                 const OptionalTensor& mask, double grad_factor, std::array<bool, 3> output_mask) {
  static const auto op = find_operator<decltype(compress::fake_quantize_backward)>("compress::fake_quantize_backward");
  return op.call(grad, x, scale, zero_point, quant_min, quant_max, mask, grad_factor, output_mask);
}

namespace {

at::Tensor fake_quantize_meta(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                              int64_t quant_min, int64_t quant_max, const OptionalTensor& mask, double) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  return at::empty_like(x);
}

Gradients fake_quantize_backward_meta(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                      const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max,
                                      const OptionalTensor& mask, double, std::array<bool, 3> output_mask) {
  checks::fake_quantize_backward(grad, x, scale, zero_point, quant_min, quant_max, mask, output_mask);
  const auto like_scale = [&](bool wanted) {
    return wanted ? at::empty_symint(scale.sym_sizes(), scale.options()) : at::Tensor();
  };
  return {output_mask[0] ? at::empty_like(x) : at::Tensor(), like_scale(output_mask[1]), like_scale(output_mask[2])};
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "fake_quantize(Tensor x, Tensor scale, Tensor? zero_point, int quant_min, int quant_max, *, Tensor? mask=None, "
      "float grad_factor=1.0) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "fake_quantize_backward(Tensor grad, Tensor x, Tensor scale, Tensor? zero_point, int quant_min, int quant_max, "
      "Tensor? mask, float grad_factor, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("fake_quantize", TORCH_FN(fake_quantize_meta));
  m.impl("fake_quantize_backward", TORCH_FN(fake_quantize_backward_meta));
}

}  // namespace
}  // namespace compress
