#include "compress/ops/cuda/apply_mask.h"

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/mask_selection.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

void select(const at::Tensor& x, const at::Tensor& mask, const at::Tensor& y) {
  launch_apply_mask(x.const_data_ptr(), mask.const_data_ptr<uint8_t>(), make_mask_layout(x.sizes()),
                    static_cast<int>(x.element_size()), y.mutable_data_ptr(), c10::cuda::getCurrentCUDAStream());
  check_launch();
}

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  return apply_mask_with(&select, x, mask);
}

void apply_mask_(at::Tensor& x, const at::Tensor& mask) {
  apply_mask_in_place_with(&select, x, mask);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("apply_mask", TORCH_FN(apply_mask));
  m.impl("apply_mask_", TORCH_FN(apply_mask_));
}

}  // namespace
}  // namespace compress::cuda
