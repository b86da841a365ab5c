#include "compress/ops/cuda/observe_min_max.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/float_format.h"
#include "compress/ops/range_observation.h"

namespace compress::cuda {
namespace {

void observe(const at::Tensor& x, const BlockGeometry& geometry, float averaging, float* min, float* max) {
  const at::Tensor workspace = at::empty({observe_min_max_workspace(geometry)}, x.options().dtype(at::kByte));
  launch_observe_min_max(x.const_data_ptr(), float_format(x.scalar_type()), geometry, averaging,
                         workspace.mutable_data_ptr(), min, max, c10::cuda::getCurrentCUDAStream());
  check_launch();
}

void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  observe_min_max_with(&observe, min, max, x, averaging);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_));
}

}  // namespace
}  // namespace compress::cuda
