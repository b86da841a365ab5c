#include "compress/ops/nm_mask.h"

#include <c10/util/accumulate.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/packed_mask.h"

namespace compress {
namespace {

int64_t grouped_dim(int64_t dims) {
  return dims > 1 ? 1 : 0;
}

}  // namespace

void checks::nm_mask(const at::Tensor& score, int64_t n, int64_t m) {
  check_float_format("nm_mask", "score", score.scalar_type());
  TORCH_CHECK(m >= 1 && m <= math::max_group, "nm_mask: m must lie within 1..16 (got ", m, ")");
  TORCH_CHECK(n >= 1 && n <= m, "nm_mask: n must lie within 1..m (got n ", n, " and m ", m, ")");
  TORCH_CHECK(score.dim() > 0, "nm_mask: score must have a dimension to group (got a scalar)");
  const int64_t dim = grouped_dim(score.dim());
  TORCH_CHECK(score.sym_size(dim) % m == 0, "nm_mask: m must divide the size of dimension ", dim, " (got ",
              score.sym_size(dim), " in score ", score.sym_sizes(), ", expected a multiple of ", m, ")");
}

math::NmGroups nm_groups(at::IntArrayRef sizes, int64_t n, int64_t m) {
  const auto dims = static_cast<int64_t>(sizes.size());
  return {static_cast<int>(n), static_cast<int>(m), c10::multiply_integers(sizes.slice(grouped_dim(dims) + 1))};
}

at::Tensor nm_mask(const at::Tensor& score, int64_t n, int64_t m) {
  static const auto op = find_operator<decltype(compress::nm_mask)>("compress::nm_mask");
  return op.call(score, n, m);
}

namespace {

at::Tensor nm_mask_meta(const at::Tensor& score, int64_t n, int64_t m) {
  checks::nm_mask(score, n, m);
  return empty_packed_mask(score);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("nm_mask(Tensor score, int n, int m) -> Tensor", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("nm_mask", TORCH_FN(nm_mask_meta));
}
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("nm_mask", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
