#include "compress/ops/cuda/apply_mask.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

// x and y contiguous; y may be x.
void select(const at::Tensor& x, const at::Tensor& mask, const at::Tensor& y) {
  const at::Tensor bits = mask.contiguous();
  launch_apply_mask(x.const_data_ptr(), bits.const_data_ptr<uint8_t>(), make_mask_layout(x.sizes()),
                    static_cast<int>(x.element_size()), y.mutable_data_ptr(), c10::cuda::getCurrentCUDAStream());
  check_launch();
}

// A copy of x in the mask's order, row-major, with the pruned elements zero.
at::Tensor selected_in_row_major_order(const at::Tensor& x, const at::Tensor& mask) {
  const at::Tensor input = x.contiguous();
  const at::Tensor output = x.is_contiguous() ? at::empty_like(x) : input;
  select(input, mask, output);
  return output;
}

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask", x, mask);
  const c10::cuda::CUDAGuard device(x.device());
  const at::Tensor selected = selected_in_row_major_order(x, mask);
  if (x.is_contiguous()) {
    return selected;
  }
  at::Tensor output = at::empty_like(x);  // keeps channels-last
  return output.is_contiguous() ? selected : output.copy_(selected);
}

void apply_mask_(at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask_", x, mask);
  at::assert_no_internal_overlap(x);
  const c10::cuda::CUDAGuard device(x.device());
  if (x.is_contiguous()) {
    select(x, mask, x);
  } else {
    x.copy_(selected_in_row_major_order(x, mask));
  }
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("apply_mask", TORCH_FN(apply_mask));
  m.impl("apply_mask_", TORCH_FN(apply_mask_));
}

}  // namespace
}  // namespace compress::cuda
