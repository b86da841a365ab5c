#include <torch/library.h>

#include "compress/ops/cuda/observe_ranges.h"

namespace compress::cuda {
namespace {

void observe_multi_(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                    at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging,
                    bool forget) {
  observe_multi_with(&observe_ranges, mins, maxs, scales, zero_points, xs, {quant_min, quant_max, symmetric}, averaging,
                     forget);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("observe_multi_", TORCH_FN(observe_multi_));
}

}  // namespace
}  // namespace compress::cuda
