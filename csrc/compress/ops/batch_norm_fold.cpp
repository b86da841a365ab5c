#include "compress/ops/batch_norm_fold.h"

#include <ATen/TensorOperators.h>
#include <torch/library.h>

namespace compress {

at::Tensor batch_norm_fold_factor(const std::optional<at::Tensor>& weight, const at::Tensor& running_var, double eps,
                                  bool nonzero) {
  const at::Tensor inverse_deviation = (running_var + eps).rsqrt();
  const at::Tensor factor = weight ? *weight * inverse_deviation : inverse_deviation;
  // Below it scale / factor could pass float32's end: 2^-100 leaves room for scales up to 2^27.
  constexpr double least = 0x1p-100;
  return nonzero ? factor.masked_fill(factor.abs() <= least, 1.0) : factor;
}

at::Tensor batch_norm_folded_bias(const std::optional<at::Tensor>& layer_bias, const std::optional<at::Tensor>& bias,
                                  const at::Tensor& running_mean, const at::Tensor& factor) {
  const at::Tensor shift = (layer_bias ? *layer_bias - running_mean : -running_mean) * factor;
  return bias ? *bias + shift : shift;
}

namespace {

// Composite: plain tensor arithmetic, written once for the C++ layers and the Python modules.
TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def("batch_norm_fold_factor(Tensor? weight, Tensor running_var, float eps, *, bool nonzero=False) -> Tensor",
        {at::Tag::pt2_compliant_tag});
  m.def("batch_norm_folded_bias(Tensor? layer_bias, Tensor? bias, Tensor running_mean, Tensor factor) -> Tensor",
        {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(compress, CompositeImplicitAutograd, m) {
  m.impl("batch_norm_fold_factor", TORCH_FN(batch_norm_fold_factor));
  m.impl("batch_norm_folded_bias", TORCH_FN(batch_norm_folded_bias));
}

}  // namespace
}  // namespace compress
