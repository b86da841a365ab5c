#include "compress/ops/mask_selection.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include "compress/ops/checks.h"

namespace compress {
namespace {

// A copy of x in the mask's order, row-major, with the pruned elements zero.
at::Tensor selected_in_row_major_order(SelectKept select, const at::Tensor& x, const at::Tensor& mask) {
  const at::Tensor input = x.contiguous();
  const at::Tensor output = x.is_contiguous() ? at::empty_like(x) : input;
  select(input, mask.contiguous(), output);
  return output;
}

}  // namespace

at::Tensor apply_mask_with(SelectKept select, const at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask", x, mask);
  const c10::DeviceGuard device(x.device());
  const at::Tensor selected = selected_in_row_major_order(select, x, mask);
  if (x.is_contiguous()) {
    return selected;
  }
  at::Tensor output = at::empty_like(x);  // keeps channels-last
  return output.is_contiguous() ? selected : output.copy_(selected);
}

void apply_mask_in_place_with(SelectKept select, at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask_", x, mask);
  at::assert_no_internal_overlap(x);
  const c10::DeviceGuard device(x.device());
  if (x.is_contiguous()) {
    select(x, mask.contiguous(), x);
  } else {
    x.copy_(selected_in_row_major_order(select, x, mask));
  }
}

}  // namespace compress
