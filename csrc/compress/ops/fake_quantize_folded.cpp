#include "compress/ops/fake_quantize_folded.h"

#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include "compress/ops/fake_quantize.h"

namespace compress {

at::Tensor fake_quantize_folded(const at::Tensor& x, const at::Tensor& scale,
                                const std::optional<at::Tensor>& zero_point, const at::Tensor& fold_factor,
                                int64_t quant_min, int64_t quant_max, const std::optional<at::Tensor>& mask,
                                double grad_factor) {
  const at::Tensor unfolded = scale / fold_factor.detach();
  const auto zero = zero_point ? std::optional(zero_point->expand_as(unfolded)) : std::nullopt;
  return fake_quantize(x, unfolded, zero, quant_min, quant_max, mask, grad_factor);
}

namespace {

// Composite: autograd, compilers and devices see the fake_quantize in it.
TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "fake_quantize_folded(Tensor x, Tensor scale, Tensor? zero_point, Tensor fold_factor, int quant_min, "
      "int quant_max, *, Tensor? mask=None, float grad_factor=1.0) -> Tensor",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(compress, CompositeImplicitAutograd, m) {
  m.impl("fake_quantize_folded", TORCH_FN(fake_quantize_folded));
}

}  // namespace
}  // namespace compress
