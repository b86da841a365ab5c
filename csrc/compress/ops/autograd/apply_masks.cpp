#include "compress/ops/apply_masks.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "compress/ops/autograd/in_place.h"

namespace compress::autograd {
namespace {

void apply_masks_(at::TensorList xs, at::TensorList masks) {
  for (const at::Tensor& x : xs) {
    check_in_place("apply_masks_", x);
  }
  at::AutoDispatchBelowAutograd below;
  compress::apply_masks_(xs, masks);
}

void apply_masks_and_count_versions(at::TensorList xs, at::TensorList masks) {
  {
    at::AutoDispatchBelowADInplaceOrView below;
    compress::apply_masks_(xs, masks);
  }
  for (const at::Tensor& x : xs) {
    count_version(x);
  }
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("apply_masks_", TORCH_FN(apply_masks_));
}
TORCH_LIBRARY_IMPL(compress, ADInplaceOrView, m) {
  m.impl("apply_masks_", TORCH_FN(apply_masks_and_count_versions));
}

}  // namespace
}  // namespace compress::autograd
