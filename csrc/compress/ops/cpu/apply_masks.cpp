#include <torch/library.h>

#include "compress/ops/cpu/isa/apply_mask.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/mask_selection.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

struct MaskedTensor {
  char* x;
  const uint8_t* bits;
  int size;
};

void select(at::TensorList xs, at::TensorList masks) {
  std::vector<MaskedTensor> tensors;
  std::vector<MaskLayout> layouts;
  for (size_t i = 0; i < xs.size(); ++i) {
    tensors.push_back({static_cast<char*>(xs[i].mutable_data_ptr()), masks[i].const_data_ptr<uint8_t>(),
                       static_cast<int>(xs[i].element_size())});
    layouts.push_back(make_mask_layout(xs[i].sizes()));
  }
  const auto kernel = COMPRESS_SELECT_KERNEL(apply_mask_run);
  parallel_over_masks(std::move(layouts), [&](size_t tensor, int64_t element, int64_t byte, int64_t elements) {
    const auto& [x, bits, size] = tensors[tensor];
    kernel(x + element * size, bits + byte, elements, size, x + element * size);
  });
}

void apply_masks_(at::TensorList xs, at::TensorList masks) {
  apply_masks_in_place_with(&select, xs, masks);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("apply_masks_", TORCH_FN(apply_masks_));
}

}  // namespace
}  // namespace compress::cpu
