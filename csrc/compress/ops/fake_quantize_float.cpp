#include "compress/ops/fake_quantize_float.h"

#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"
#include "compress/ops/math/small_float.h"
#include "compress/ops/optional_tensor.h"
#include "compress/ops/packed_mask.h"

namespace compress {

void checks::small_float(const char* op, int64_t exponent_bits, int64_t mantissa_bits) {
  TORCH_CHECK(math::is_small_float(exponent_bits, mantissa_bits), op,
              ": exponent_bits and mantissa_bits must name a format (got ", exponent_bits, " and ", mantissa_bits,
              ", expected 4 and 3, 5 and 2, 3 and 2, 2 and 3, or 2 and 1)");
}

void checks::fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                                 int64_t mantissa_bits, const OptionalTensor& mask) {
  check_float_format("fake_quantize_float", "x", x.scalar_type());
  TORCH_CHECK(scale.scalar_type() == at::kFloat, "fake_quantize_float: scale must be float32 (got ",
              scale.scalar_type(), ")");
  TORCH_CHECK(scale.device() == x.device(), "fake_quantize_float: scale must be on x's device (got ", scale.device(),
              ", expected ", x.device(), ")");
  checks::small_float("fake_quantize_float", exponent_bits, mantissa_bits);
  check_granularity("fake_quantize_float", "scale", scale, x);
  if (mask) {
    check_packed_mask("fake_quantize_float", *mask, x.sym_sizes(), x.device());
  }
}

void checks::fake_quantize_float_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                          int64_t exponent_bits, int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask);
  TORCH_CHECK(grad.scalar_type() == x.scalar_type(), "fake_quantize_float_backward: grad must have x's dtype (got ",
              grad.scalar_type(), ", expected ", x.scalar_type(), ")");
  TORCH_CHECK(grad.sym_sizes() == x.sym_sizes(), "fake_quantize_float_backward: grad must have x's shape (got ",
              grad.sym_sizes(), ", expected ", x.sym_sizes(), ")");
  TORCH_CHECK(grad.device() == x.device(), "fake_quantize_float_backward: grad must be on x's device (got ",
              grad.device(), ", expected ", x.device(), ")");
}

at::Tensor fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                               int64_t mantissa_bits, const OptionalTensor& mask) {
  static const auto op = find_operator<decltype(compress::fake_quantize_float)>("compress::fake_quantize_float");
  return op.call(x, scale, exponent_bits, mantissa_bits, mask);
}

at::Tensor fake_quantize_float_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                        int64_t exponent_bits, int64_t mantissa_bits, const OptionalTensor& mask) {
  static const auto op =
      find_operator<decltype(compress::fake_quantize_float_backward)>("compress::fake_quantize_float_backward");
  return op.call(grad, x, scale, exponent_bits, mantissa_bits, mask);
}

namespace {

at::Tensor fake_quantize_float_meta(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                                    int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask);
  return at::empty_like(x);
}

at::Tensor fake_quantize_float_backward_meta(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                             int64_t exponent_bits, int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float_backward(grad, x, scale, exponent_bits, mantissa_bits, mask);
  return at::empty_like(x);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "fake_quantize_float(Tensor x, Tensor scale, int exponent_bits, int mantissa_bits, *, Tensor? mask=None) -> "
      "Tensor",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "fake_quantize_float_backward(Tensor grad, Tensor x, Tensor scale, int exponent_bits, int mantissa_bits, "
      "Tensor? mask) -> Tensor",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("fake_quantize_float", TORCH_FN(fake_quantize_float_meta));
  m.impl("fake_quantize_float_backward", TORCH_FN(fake_quantize_float_backward_meta));
}

}  // namespace
}  // namespace compress
