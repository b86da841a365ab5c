#include "compress/ops/apply_mask.h"

#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/packed_mask.h"

namespace compress {

void checks::apply_mask(const char* op, const at::Tensor& x, const at::Tensor& mask) {
  TORCH_CHECK(x.element_size() <= 8 && !x.is_complex() && !x.is_quantized() && x.layout() == at::kStrided, op,
              ": x must be dense and real, with elements of at most 8 bytes (got ", x.scalar_type(), ")");
  check_packed_mask(op, mask, x.sym_sizes(), x.device());
}

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  static const auto op = find_operator<decltype(compress::apply_mask)>("compress::apply_mask");
  return op.call(x, mask);
}

at::Tensor& apply_mask_(at::Tensor& x, const at::Tensor& mask) {
  static const auto op = find_operator<void(at::Tensor&, const at::Tensor&)>("compress::apply_mask_");
  op.call(x, mask);
  return x;
}

namespace {

at::Tensor apply_mask_meta(const at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask", x, mask);
  return at::empty_like(x);
}

void apply_mask_in_place_meta(at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask_", x, mask);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("apply_mask(Tensor x, Tensor mask) -> Tensor", {at::Tag::pt2_compliant_tag});
  // No aliased return: with one, torch.compile could not functionalize the operator.
  m.def("apply_mask_(Tensor(a!) x, Tensor mask) -> ()", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("apply_mask", TORCH_FN(apply_mask_meta));
  m.impl("apply_mask_", TORCH_FN(apply_mask_in_place_meta));
}

}  // namespace
}  // namespace compress
