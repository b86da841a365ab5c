#include "compress/ops/observe_qparams.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/optional_tensor.h"
#include "compress/ops/percentile.h"

namespace compress {

void checks::qparams_outputs(const char* op, const at::Tensor& scale, const OptionalTensor& zero_point,
                             c10::SymIntArrayRef sizes, at::Device device, int64_t quant_min, int64_t quant_max,
                             bool symmetric) {
  TORCH_CHECK(scale.scalar_type() == at::kFloat, op, ": scale must be float32 (got ", scale.scalar_type(), ")");
  TORCH_CHECK(scale.sym_sizes() == sizes, op, ": scale has the wrong shape (got ", scale.sym_sizes(), ", expected ",
              sizes, ")");
  TORCH_CHECK(scale.device() == device, op, ": scale must be on x's device (got ", scale.device(), ", expected ",
              device, ")");
  TORCH_CHECK(symmetric || zero_point, op, ": an asymmetric grid needs a zero_point (got none)");
  if (zero_point) {
    checks::zero_point(op, *zero_point, scale);
  }
  integer_grid(op, quant_min, quant_max);
}

void checks::observe_qparams_(const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                              const OptionalTensor& zero_point, const at::Tensor& x, int64_t quant_min,
                              int64_t quant_max, bool symmetric, double averaging, double percentile,
                              const OptionalTensor& fold_factor) {
  observe_range("observe_qparams_", min, max, x, averaging);
  qparams_outputs("observe_qparams_", scale, zero_point, min.sym_sizes(), x.device(), quant_min, quant_max, symmetric);
  check_percentile("observe_qparams_", percentile);
  if (fold_factor) {
    checks::fold_factor("observe_qparams_", *fold_factor, x);
  }
}

void observe_qparams_(at::Tensor& min, at::Tensor& max, at::Tensor& scale, const OptionalTensor& zero_point,
                      const at::Tensor& x, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                      bool forget, double percentile, const OptionalTensor& fold_factor) {
  static const auto op = find_operator<decltype(compress::observe_qparams_)>("compress::observe_qparams_");
  op.call(min, max, scale, zero_point, x, quant_min, quant_max, symmetric, averaging, forget, percentile, fold_factor);
}

namespace {

void observe_qparams_meta(at::Tensor& min, at::Tensor& max, at::Tensor& scale, const OptionalTensor& zero_point,
                          const at::Tensor& x, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                          bool, double percentile, const OptionalTensor& fold_factor) {
  checks::observe_qparams_(min, max, scale, zero_point, x, quant_min, quant_max, symmetric, averaging, percentile,
                           fold_factor);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "observe_qparams_(Tensor(a!) min, Tensor(b!) max, Tensor(c!) scale, Tensor(d!)? zero_point, Tensor x, "
      "int quant_min, int quant_max, bool symmetric, *, float averaging=0.0, bool forget=False, "
      "float percentile=100.0, Tensor? fold_factor=None) -> ()",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("observe_qparams_", TORCH_FN(observe_qparams_meta));
}

}  // namespace
}  // namespace compress
