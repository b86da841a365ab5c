#include <torch/library.h>

#include "compress/ops/cpu/range_observation.h"

namespace compress::cpu {
namespace {

void observe_qparams_(at::Tensor& min, at::Tensor& max, at::Tensor& scale, const OptionalTensor& zero_point,
                      const at::Tensor& x, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                      bool forget, double percentile, const OptionalTensor& fold_factor) {
  observe_qparams_with(&observe_ranges, min, max, scale, zero_point, x, {quant_min, quant_max, symmetric}, averaging,
                       forget, percentile, fold_factor);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("observe_qparams_", TORCH_FN(observe_qparams_));
}

}  // namespace
}  // namespace compress::cpu
