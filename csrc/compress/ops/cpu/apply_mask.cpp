#include "compress/ops/cpu/isa/apply_mask.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

// All three contiguous; y may be x.
void select(const at::Tensor& x, const at::Tensor& mask, const at::Tensor& y) {
  const int64_t size = x.element_size();
  const char* from = static_cast<const char*>(x.const_data_ptr());
  const uint8_t* bits = mask.const_data_ptr<uint8_t>();
  char* to = static_cast<char*>(y.mutable_data_ptr());
  const auto kernel = COMPRESS_SELECT_KERNEL(apply_mask_run);
  parallel_over_mask(make_mask_layout(x.sizes()), [&](int64_t element, int64_t byte, int64_t elements) {
    kernel(from + element * size, bits + byte, elements, static_cast<int>(size), to + element * size);
  });
}

// A copy of x in the mask's order, row-major, with the pruned elements zero.
at::Tensor selected_in_row_major_order(const at::Tensor& x, const at::Tensor& mask) {
  if (!x.is_contiguous()) {
    const at::Tensor copy = x.contiguous();
    select(copy, mask.contiguous(), copy);
    return copy;
  }
  const at::Tensor output = at::empty_like(x);
  select(x, mask.contiguous(), output);
  return output;
}

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  checks::apply_mask("apply_mask", x, mask);
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
  if (x.is_contiguous()) {
    select(x, mask.contiguous(), x);
  } else {
    x.copy_(selected_in_row_major_order(x, mask));
  }
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("apply_mask", TORCH_FN(apply_mask));
  m.impl("apply_mask_", TORCH_FN(apply_mask_));
}

}  // namespace
}  // namespace compress::cpu
