#include "compress/ops/pack_mask.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/packed_mask.h"

namespace compress {

void checks::pack_mask(const at::Tensor& mask) {
  TORCH_CHECK(mask.scalar_type() == at::kBool, "pack_mask: mask must be bool (got ", mask.scalar_type(), ")");
}

at::Tensor pack_mask(const at::Tensor& mask) {
  static const auto op = find_operator<decltype(compress::pack_mask)>("compress::pack_mask");
  return op.call(mask);
}

namespace {

at::Tensor pack_mask_meta(const at::Tensor& mask) {
  checks::pack_mask(mask);
  return empty_packed_mask(mask);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("pack_mask(Tensor mask) -> Tensor", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("pack_mask", TORCH_FN(pack_mask_meta));
}
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("pack_mask", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
