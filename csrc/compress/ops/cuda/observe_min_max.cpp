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
#include "compress/ops/memory_order.h"

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
  const MemoryOrder order(x);  // channels-last activations are read as they lie
  const at::Tensor input = order.contiguous(x);
  const at::Tensor low = order.contiguous(min);
  const at::Tensor high = order.contiguous(max);
  const BlockGeometry geometry = block_geometry(input.sizes(), low.sizes());
  const at::Tensor workspace = at::empty({observe_min_max_workspace(geometry)}, x.options().dtype(at::kByte));
  launch_observe_min_max(input.const_data_ptr(), float_format(x.scalar_type()), geometry, static_cast<float>(averaging),
                         workspace.mutable_data_ptr(), low.mutable_data_ptr<float>(), high.mutable_data_ptr<float>(),
                         c10::cuda::getCurrentCUDAStream());
  check_launch();
  order.deliver(low, min);
  order.deliver(high, max);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_));
}

}  // namespace
}  // namespace compress::cuda
