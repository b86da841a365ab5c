#include "compress/ops/observe_multi.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/tensor_list.h"

namespace compress {

void checks::observe_multi_(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                            at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging) {
  check_length("observe_multi_", "mins", mins.size(), xs.size());
  check_length("observe_multi_", "maxs", maxs.size(), xs.size());
  check_length("observe_multi_", "scales", scales.size(), xs.size());
  if (!zero_points.empty()) {
    check_length("observe_multi_", "zero_points", zero_points.size(), xs.size());
  }
  check_one_device("observe_multi_", xs);
  for (size_t i = 0; i < xs.size(); ++i) {
    check_position("observe_multi_", i, [&] {
      observe_range("observe_multi_", mins[i], maxs[i], xs[i], averaging);
      qparams_outputs("observe_multi_", scales[i], entry_of(zero_points, i), mins[i].sym_sizes(), xs[i].device(),
                      quant_min, quant_max, symmetric);
    });
  }
}

void observe_multi_(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                    at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                    bool forget) {
  static const auto op = find_operator<decltype(compress::observe_multi_)>("compress::observe_multi_");
  op.call(mins, maxs, scales, zero_points, xs, quant_min, quant_max, symmetric, averaging, forget);
}

namespace {

void observe_multi_meta(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                        at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                        bool) {
  checks::observe_multi_(mins, maxs, scales, zero_points, xs, quant_min, quant_max, symmetric, averaging);
}

// Also reached by empty lists, and by devices without a kernel.
void observe_multi_elsewhere(at::TensorList mins, at::TensorList maxs, at::TensorList scales,
                             at::TensorList zero_points, at::TensorList xs, int64_t quant_min, int64_t quant_max,
                             bool symmetric, double averaging, bool) {
  checks::observe_multi_(mins, maxs, scales, zero_points, xs, quant_min, quant_max, symmetric, averaging);
  check_no_tensors("observe_multi_", xs);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "observe_multi_(Tensor(a!)[] mins, Tensor(b!)[] maxs, Tensor(c!)[] scales, Tensor(d!)[] zero_points, "
      "Tensor[] xs, int quant_min, int quant_max, bool symmetric, *, float averaging=0.0, bool forget=False) -> ()",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("observe_multi_", TORCH_FN(observe_multi_meta));
}
TORCH_LIBRARY_IMPL(compress, CompositeExplicitAutograd, m) {
  m.impl("observe_multi_", TORCH_FN(observe_multi_elsewhere));
}

}  // namespace
}  // namespace compress
