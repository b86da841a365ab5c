#include "compress/ops/mask_selection.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include <vector>

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

void apply_masks_in_place_with(SelectKeptOfAll select, at::TensorList xs, at::TensorList masks) {
  checks::apply_masks_(xs, masks);
  const c10::DeviceGuard device(xs[0].device());
  std::vector<at::Tensor> written;
  std::vector<at::Tensor> bits;
  for (size_t i = 0; i < xs.size(); ++i) {
    at::assert_no_internal_overlap(xs[i]);
    written.push_back(xs[i].contiguous());
    bits.push_back(masks[i].contiguous());
  }
  select(written, bits);
  for (size_t i = 0; i < xs.size(); ++i) {
    if (!xs[i].is_contiguous()) {
      xs[i].copy_(written[i]);
    }
  }
}

}  // namespace compress
