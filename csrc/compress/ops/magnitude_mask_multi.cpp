#include "compress/ops/magnitude_mask_multi.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/packed_mask.h"
#include "compress/ops/tensor_list.h"

namespace compress {

void checks::magnitude_mask_multi(at::TensorList weights, const at::Tensor& threshold) {
  for (size_t i = 0; i < weights.size(); ++i) {
    check_position("magnitude_mask_multi", i, [&] { checks::magnitude_mask(weights[i], threshold); });
  }
}

std::vector<at::Tensor> magnitude_mask_multi(at::TensorList weights, const at::Tensor& threshold) {
  static const auto op = find_operator<decltype(compress::magnitude_mask_multi)>("compress::magnitude_mask_multi");
  return op.call(weights, threshold);
}

namespace {

std::vector<at::Tensor> magnitude_mask_multi_meta(at::TensorList weights, const at::Tensor& threshold) {
  checks::magnitude_mask_multi(weights, threshold);
  return empty_packed_masks(weights);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("magnitude_mask_multi(Tensor[] weights, Tensor threshold) -> Tensor[]", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("magnitude_mask_multi", TORCH_FN(magnitude_mask_multi_meta));
}
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("magnitude_mask_multi", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
