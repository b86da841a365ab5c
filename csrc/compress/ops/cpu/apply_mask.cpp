#include "compress/ops/cpu/isa/apply_mask.h"

#include <torch/library.h>

#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/mask_selection.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

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

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  return apply_mask_with(&select, x, mask);
}

void apply_mask_(at::Tensor& x, const at::Tensor& mask) {
  apply_mask_in_place_with(&select, x, mask);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("apply_mask", TORCH_FN(apply_mask));
  m.impl("apply_mask_", TORCH_FN(apply_mask_));
}

}  // namespace
}  // namespace compress::cpu
