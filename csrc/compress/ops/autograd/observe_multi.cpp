#include "compress/ops/observe_multi.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "compress/ops/autograd/in_place.h"

namespace compress::autograd {
namespace {

// xs may require grad: what an observer learns is a statistic, constant for the graph.
void observe_multi_(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                    at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                    bool forget) {
  for (const at::TensorList outputs : {mins, maxs, scales, zero_points}) {
    for (const at::Tensor& output : outputs) {
      check_in_place("observe_multi_", output);
    }
  }
  at::AutoDispatchBelowAutograd below;
  compress::observe_multi_(mins, maxs, scales, zero_points, xs, quant_min, quant_max, symmetric, averaging, forget);
}

void observe_and_count_versions(at::TensorList mins, at::TensorList maxs, at::TensorList scales,
                                at::TensorList zero_points, at::TensorList xs, int64_t quant_min, int64_t quant_max,
                                bool symmetric, double averaging, bool forget) {
  {
    at::AutoDispatchBelowADInplaceOrView below;
    compress::observe_multi_(mins, maxs, scales, zero_points, xs, quant_min, quant_max, symmetric, averaging, forget);
  }
  for (const at::TensorList outputs : {mins, maxs, scales, zero_points}) {
    for (const at::Tensor& output : outputs) {
      count_version(output);
    }
  }
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("observe_multi_", TORCH_FN(observe_multi_));
}
TORCH_LIBRARY_IMPL(compress, ADInplaceOrView, m) {
  m.impl("observe_multi_", TORCH_FN(observe_and_count_versions));
}

}  // namespace
}  // namespace compress::autograd
