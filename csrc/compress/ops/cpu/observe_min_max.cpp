#include <torch/library.h>

#include "compress/ops/cpu/range_observation.h"

namespace compress::cpu {
namespace {

void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  observe_min_max_with(&observe_ranges, min, max, x, averaging);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_));
}

}  // namespace
}  // namespace compress::cpu
