#include "compress/ops/cuda/observe_min_max.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"

namespace compress::cuda {
namespace {

void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  checks::observe_min_max_(min, max, x, averaging);
  at::assert_no_internal_overlap(min);
  at::assert_no_internal_overlap(max);
  at::assert_no_overlap(min, max);
  if (x.numel() == 0) {
    return;
  }
  const c10::cuda::CUDAGuard device(x.device());
  const BlockGeometry geometry = block_geometry(x.sizes(), min.sizes());
  const at::Tensor input = x.contiguous();
  const at::Tensor low = min.contiguous();
  const at::Tensor high = max.contiguous();
  const at::Tensor workspace = at::empty({observe_min_max_workspace(geometry)}, x.options().dtype(at::kByte));
  launch_observe_min_max(input.const_data_ptr(), float_format(x.scalar_type()), geometry, static_cast<float>(averaging),
                         workspace.mutable_data_ptr(), low.mutable_data_ptr<float>(), high.mutable_data_ptr<float>(),
                         c10::cuda::getCurrentCUDAStream());
  check_launch();
  if (!low.is_same(min)) {
    min.copy_(low);
  }
  if (!high.is_same(max)) {
    max.copy_(high);
  }
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_));
}

}  // namespace
}  // namespace compress::cuda
