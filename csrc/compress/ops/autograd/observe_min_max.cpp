#include "compress/ops/observe_min_max.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "compress/ops/autograd/in_place.h"

namespace compress::autograd {
namespace {

// x may require grad: what an observer learns is a statistic, constant for the graph.
void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  check_in_place("observe_min_max_", min);
  check_in_place("observe_min_max_", max);
  at::AutoDispatchBelowAutograd below;
  compress::observe_min_max_(min, max, x, averaging);
}

void observe_and_count_versions(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  {
    at::AutoDispatchBelowADInplaceOrView below;
    compress::observe_min_max_(min, max, x, averaging);
  }
  torch::autograd::increment_version(min);
  torch::autograd::increment_version(max);
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_));
}
TORCH_LIBRARY_IMPL(compress, ADInplaceOrView, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_and_count_versions));
}

}  // namespace
}  // namespace compress::autograd
