#include "compress/ops/observe_min_max.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"

namespace compress {

void checks::observe_range(const char* op, const at::Tensor& min, const at::Tensor& max, const at::Tensor& x,
                           double averaging) {
  TORCH_CHECK(averaging >= 0.0 && averaging <= 1.0, op, ": averaging must lie in [0, 1] (got ", averaging, ")");
  check_float_format(op, "x", x.scalar_type());
  TORCH_CHECK(min.scalar_type() == at::kFloat && max.scalar_type() == at::kFloat, op,
              ": min and max must be float32 (got ", min.scalar_type(), " and ", max.scalar_type(), ")");
  TORCH_CHECK(min.device() == x.device() && max.device() == x.device(), op, ": min and max must be on x's device (got ",
              min.device(), " and ", max.device(), ", expected ", x.device(), ")");
  TORCH_CHECK(min.sym_sizes() == max.sym_sizes(), op, ": max must have min's shape (got ", max.sym_sizes(),
              ", expected ", min.sym_sizes(), ")");
  check_granularity(op, "min", min, x);
}

void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  static const auto op = find_operator<decltype(compress::observe_min_max_)>("compress::observe_min_max_");
  op.call(min, max, x, averaging);
}

namespace {

void observe_min_max_meta(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  checks::observe_range("observe_min_max_", min, max, x, averaging);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("observe_min_max_(Tensor(a!) min, Tensor(b!) max, Tensor x, float averaging) -> ()",
        {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_meta));
}

}  // namespace
}  // namespace compress
