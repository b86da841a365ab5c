#include "compress/ops/choose_qparams.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <limits>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"

namespace compress {

void checks::integer_grid(const char* op, int64_t quant_min, int64_t quant_max) {
  TORCH_CHECK(quant_min < quant_max, op, ": quant_min must be below quant_max (got ", quant_min, " and ", quant_max,
              ")");
  TORCH_CHECK(quant_min >= std::numeric_limits<int32_t>::min() && quant_max <= std::numeric_limits<int32_t>::max(), op,
              ": quant_min and quant_max must fit int32 (got ", quant_min, " and ", quant_max, ")");
}

void checks::choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min, int64_t quant_max) {
  TORCH_CHECK(min.scalar_type() == at::kFloat && max.scalar_type() == at::kFloat,
              "choose_qparams: min and max must be float32 (got ", min.scalar_type(), " and ", max.scalar_type(), ")");
  TORCH_CHECK(max.device() == min.device(), "choose_qparams: max must be on min's device (got ", max.device(),
              ", expected ", min.device(), ")");
  TORCH_CHECK(max.sym_sizes() == min.sym_sizes(), "choose_qparams: max must have min's shape (got ", max.sym_sizes(),
              ", expected ", min.sym_sizes(), ")");
  integer_grid("choose_qparams", quant_min, quant_max);
}

std::tuple<at::Tensor, at::Tensor> choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min,
                                                  int64_t quant_max, bool symmetric) {
  static const auto op = find_operator<decltype(compress::choose_qparams)>("compress::choose_qparams");
  return op.call(min, max, quant_min, quant_max, symmetric);
}

namespace {

std::tuple<at::Tensor, at::Tensor> choose_qparams_meta(const at::Tensor& min, const at::Tensor& max, int64_t quant_min,
                                                       int64_t quant_max, bool symmetric) {
  checks::choose_qparams(min, max, quant_min, quant_max);
  return {at::empty_symint(min.sym_sizes(), min.options()),
          at::empty_symint(min.sym_sizes(), min.options().dtype(at::kInt))};
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "choose_qparams(Tensor min, Tensor max, int quant_min, int quant_max, bool symmetric) -> "
      "(Tensor scale, Tensor zero_point)",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("choose_qparams", TORCH_FN(choose_qparams_meta));
}
// Observed ranges are statistics, not parameters: scale and zero_point come out as constants.
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("choose_qparams", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
