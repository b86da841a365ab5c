#include "compress/ops/magnitude_mask.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/packed_mask.h"

namespace compress {

void checks::magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold) {
  check_float_format("magnitude_mask", "weight", weight.scalar_type());
  TORCH_CHECK(threshold.scalar_type() == at::kFloat && threshold.sym_numel() == 1,
              "magnitude_mask: threshold must be one float32 (got ", threshold.scalar_type(), " of shape ",
              threshold.sym_sizes(), ")");
  TORCH_CHECK(threshold.device() == weight.device(), "magnitude_mask: threshold must be on weight's device (got ",
              threshold.device(), ", expected ", weight.device(), ")");
}

at::Tensor magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold) {
  static const auto op = find_operator<decltype(compress::magnitude_mask)>("compress::magnitude_mask");
  return op.call(weight, threshold);
}

namespace {

at::Tensor magnitude_mask_meta(const at::Tensor& weight, const at::Tensor& threshold) {
  checks::magnitude_mask(weight, threshold);
  return empty_packed_mask(weight);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("magnitude_mask(Tensor weight, Tensor threshold) -> Tensor", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("magnitude_mask", TORCH_FN(magnitude_mask_meta));
}
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("magnitude_mask", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
