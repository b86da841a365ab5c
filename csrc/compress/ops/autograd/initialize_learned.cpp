#include "compress/ops/initialize_learned.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "compress/ops/autograd/in_place.h"
#include "compress/ops/optional_tensor.h"

namespace compress::autograd {
namespace {

void initialize_learned_(at::Tensor& scale, const OptionalTensor& zero_point, const at::Tensor& x, int64_t quant_min,
                         int64_t quant_max, bool symmetric, bool skip_zeros) {
  check_in_place("initialize_learned_", scale);
  check_in_place("initialize_learned_", undefined_if_none(zero_point));
  at::AutoDispatchBelowAutograd below;
  compress::initialize_learned_(scale, zero_point, x, quant_min, quant_max, symmetric, skip_zeros);
}

void initialize_and_count_versions(at::Tensor& scale, const OptionalTensor& zero_point, const at::Tensor& x,
                                   int64_t quant_min, int64_t quant_max, bool symmetric, bool skip_zeros) {
  {
    at::AutoDispatchBelowADInplaceOrView below;
    compress::initialize_learned_(scale, zero_point, x, quant_min, quant_max, symmetric, skip_zeros);
  }
  count_version(scale);
  count_version(undefined_if_none(zero_point));
}

TORCH_LIBRARY_IMPL(compress, Autograd, m) {
  m.impl("initialize_learned_", TORCH_FN(initialize_learned_));
}
TORCH_LIBRARY_IMPL(compress, ADInplaceOrView, m) {
  m.impl("initialize_learned_", TORCH_FN(initialize_and_count_versions));
}

}  // namespace
}  // namespace compress::autograd
