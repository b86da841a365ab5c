#include "compress/ops/apply_masks.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/tensor_list.h"

namespace compress {

void checks::apply_masks_(at::TensorList xs, at::TensorList masks) {
  check_length("apply_masks_", "masks", masks.size(), xs.size());
  check_one_device("apply_masks_", xs);
  for (size_t i = 0; i < xs.size(); ++i) {
    check_position("apply_masks_", i, [&] { checks::apply_mask("apply_masks_", xs[i], masks[i]); });
  }
}

void apply_masks_(at::TensorList xs, at::TensorList masks) {
  static const auto op = find_operator<decltype(compress::apply_masks_)>("compress::apply_masks_");
  op.call(xs, masks);
}

namespace {

// Also reached by an empty list, and by devices without a kernel.
void apply_masks_elsewhere(at::TensorList xs, at::TensorList masks) {
  checks::apply_masks_(xs, masks);
  check_no_tensors("apply_masks_", xs);
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("apply_masks_(Tensor(a!)[] xs, Tensor[] masks) -> ()", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("apply_masks_", TORCH_FN(checks::apply_masks_));
}
TORCH_LIBRARY_IMPL(compress, CompositeExplicitAutograd, m) {
  m.impl("apply_masks_", TORCH_FN(apply_masks_elsewhere));
}

}  // namespace
}  // namespace compress
