#include "compress/ops/magnitude_threshold.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"

namespace compress {

void checks::magnitude_threshold(at::TensorList weights, double sparsity) {
  TORCH_CHECK(sparsity >= 0.0 && sparsity <= 1.0, "magnitude_threshold: sparsity must lie in [0, 1] (got ", sparsity,
              ")");
  TORCH_CHECK(!weights.empty(), "magnitude_threshold: weights must hold at least one tensor (got an empty list)");
  const auto type = weights[0].scalar_type();
  check_float_format("magnitude_threshold", "weights", type);
  for (size_t i = 1; i < weights.size(); ++i) {
    TORCH_CHECK(weights[i].scalar_type() == type, "magnitude_threshold: weights must have one dtype (got ",
                weights[i].scalar_type(), " at position ", i, ", expected ", type, ")");
    TORCH_CHECK(weights[i].device() == weights[0].device(), "magnitude_threshold: weights must be on one device (got ",
                weights[i].device(), " at position ", i, ", expected ", weights[0].device(), ")");
  }
}

at::Tensor magnitude_threshold(at::TensorList weights, double sparsity) {
  static const auto op = find_operator<decltype(compress::magnitude_threshold)>("compress::magnitude_threshold");
  return op.call(weights, sparsity);
}

namespace {

at::Tensor magnitude_threshold_meta(at::TensorList weights, double sparsity) {
  checks::magnitude_threshold(weights, sparsity);
  return at::empty({}, weights[0].options().dtype(at::kFloat));
}

// Reached by an empty list, which has no device to dispatch on, and by devices without a kernel.
at::Tensor magnitude_threshold_elsewhere(at::TensorList weights, double sparsity) {
  checks::magnitude_threshold(weights, sparsity);
  TORCH_CHECK(false, "magnitude_threshold: no kernel for this device (got ", weights[0].device(),
              ", expected cpu, or cuda in a build with CUDA)");
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("magnitude_threshold(Tensor[] weights, float sparsity) -> Tensor", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("magnitude_threshold", TORCH_FN(magnitude_threshold_meta));
}
TORCH_LIBRARY_IMPL(compress, CompositeExplicitAutograd, m) {
  m.impl("magnitude_threshold", TORCH_FN(magnitude_threshold_elsewhere));
}
// An order statistic that is only ever compared with: constant, as torch treats its index outputs.
TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("magnitude_threshold", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace compress
