#include "compress/ops/choose_float_scale.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/optional_tensor.h"

namespace compress {

void checks::choose_float_scale(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits,
                                int64_t mantissa_bits, c10::string_view scale_format,
                                const OptionalTensor& tensor_amax) {
  TORCH_CHECK(min.scalar_type() == at::kFloat && max.scalar_type() == at::kFloat,
              "choose_float_scale: min and max must be float32 (got ", min.scalar_type(), " and ", max.scalar_type(),
              ")");
  TORCH_CHECK(max.device() == min.device(), "choose_float_scale: max must be on min's device (got ", max.device(),
              ", expected ", min.device(), ")");
  TORCH_CHECK(max.sym_sizes() == min.sym_sizes(), "choose_float_scale: max must have min's shape (got ",
              max.sym_sizes(), ", expected ", min.sym_sizes(), ")");
  checks::small_float("choose_float_scale", exponent_bits, mantissa_bits);
  TORCH_CHECK(scale_format == "float32" || scale_format == "e8m0" || scale_format == "e4m3",
              "choose_float_scale: unknown scale_format (got '", scale_format,
              "', expected 'float32', 'e8m0' or 'e4m3')");
  if (scale_format != "e4m3") {
    TORCH_CHECK(!tensor_amax, "choose_float_scale: tensor_amax belongs to scale_format 'e4m3' (got '", scale_format,
                "')");
    return;
  }
  TORCH_CHECK(tensor_amax, "choose_float_scale: scale_format 'e4m3' needs tensor_amax (got none)");
  TORCH_CHECK(tensor_amax->scalar_type() == at::kFloat && tensor_amax->sym_numel() == 1,
              "choose_float_scale: tensor_amax must be one float32 (got ", tensor_amax->scalar_type(), " of shape ",
              tensor_amax->sym_sizes(), ")");
  TORCH_CHECK(tensor_amax->device() == min.device(), "choose_float_scale: tensor_amax must be on min's device (got ",
              tensor_amax->device(), ", expected ", min.device(), ")");
}

math::ScaleFormat scale_format_named(c10::string_view name) {
  return name == "e8m0"   ? math::ScaleFormat::e8m0
         : name == "e4m3" ? math::ScaleFormat::e4m3
                          : math::ScaleFormat::float32;
}

at::Tensor choose_float_scale(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits,
                              int64_t mantissa_bits, c10::string_view scale_format, const OptionalTensor& tensor_amax) {
  static const auto op = find_operator<decltype(compress::choose_float_scale)>("compress::choose_float_scale");
  return op.call(min, max, exponent_bits, mantissa_bits, scale_format, tensor_amax);
}

namespace {

at::Tensor choose_float_scale_meta(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits,
                                   int64_t mantissa_bits, c10::string_view scale_format,
                                   const OptionalTensor& tensor_amax) {
  checks::choose_float_scale(min, max, exponent_bits, mantissa_bits, scale_format, tensor_amax);
  return at::empty_symint(min.sym_sizes(), min.options());
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "choose_float_scale(Tensor min, Tensor max, int exponent_bits, int mantissa_bits, *, "
      "str scale_format=\"float32\", Tensor? tensor_amax=None) -> Tensor",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("choose_float_scale", TORCH_FN(choose_float_scale_meta));
}
// Observed ranges are statistics, not parameters: the scale comes out as a constant.
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("choose_float_scale", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
