#include "compress/ops/unpack_mask.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/packed_mask.h"

namespace compress {

void checks::unpack_mask(const at::Tensor& mask, c10::SymIntArrayRef sizes) {
  for (const c10::SymInt& size : sizes) {
    TORCH_CHECK(size >= 0, "unpack_mask: sizes must not be negative (got ", sizes, ")");
  }
  check_packed_mask("unpack_mask", mask, sizes, mask.device());
}

at::Tensor unpack_mask(const at::Tensor& mask, at::IntArrayRef sizes) {
  static const auto op = find_operator<at::Tensor(const at::Tensor&, c10::SymIntArrayRef)>("compress::unpack_mask");
  return op.call(mask, c10::fromIntArrayRefSlow(sizes));
}

namespace {

at::Tensor unpack_mask_meta(const at::Tensor& mask, c10::SymIntArrayRef sizes) {
  checks::unpack_mask(mask, sizes);
  return at::empty_symint(sizes, mask.options().dtype(at::kBool));
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("unpack_mask(Tensor mask, SymInt[] sizes) -> Tensor", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("unpack_mask", TORCH_FN(unpack_mask_meta));
}
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("unpack_mask", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
