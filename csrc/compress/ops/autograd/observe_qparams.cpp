#include "compress/ops/observe_qparams.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "compress/ops/autograd/in_place.h"
#include "compress/ops/optional_tensor.h"

namespace compress::autograd {
namespace {

// x may require grad: what an observer learns is a statistic, constant for the graph.
void observe_qparams_(at::Tensor& min, at::Tensor& max, at::Tensor& scale, const OptionalTensor& zero_point,
                      const at::Tensor& x, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                      bool forget, double percentile, const OptionalTensor& fold_factor) {
  for (const at::Tensor& output : {min, max, scale, undefined_if_none(zero_point)}) {
    check_in_place("observe_qparams_", output);
  }
  at::AutoDispatchBelowAutograd below;
  compress::observe_qparams_(min, max, scale, zero_point, x, quant_min, quant_max, symmetric, averaging, forget,
                             percentile, fold_factor);
}

void observe_and_count_versions(at::Tensor& min, at::Tensor& max, at::Tensor& scale, const OptionalTensor& zero_point,
                                const at::Tensor& x, int64_t quant_min, int64_t quant_max, bool symmetric,
                                double averaging, bool forget, double percentile, const OptionalTensor& fold_factor) {
  {
    at::AutoDispatchBelowADInplaceOrView below;
    compress::observe_qparams_(min, max, scale, zero_point, x, quant_min, quant_max, symmetric, averaging, forget,
                               percentile, fold_factor);
  }
  for (const at::Tensor& output : {min, max, scale, undefined_if_none(zero_point)}) {
    count_version(output);
  }
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("observe_qparams_", TORCH_FN(observe_qparams_));
}
TORCH_LIBRARY_IMPL(compress, ADInplaceOrView, m) {
  m.impl("observe_qparams_", TORCH_FN(observe_and_count_versions));
}

}  // namespace
}  // namespace compress::autograd
