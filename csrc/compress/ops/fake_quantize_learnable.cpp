#include "compress/ops/fake_quantize_learnable.h"

#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "compress/ops/fake_quantize.h"
#include "compress/ops/fake_quantize_folded.h"

namespace compress {

double lsq_gradient_factor(int64_t elements, int64_t scales, int64_t quant_max) {
  const double per_scale = static_cast<double>(elements) / static_cast<double>(std::max<int64_t>(1, scales));
  return 1.0 / std::sqrt(std::max(1.0, per_scale) * static_cast<double>(std::max<int64_t>(1, quant_max)));
}

at::Tensor fake_quantize_learnable(const at::Tensor& x, const at::Tensor& scale,
                                   const std::optional<at::Tensor>& zero_point, int64_t quant_min, int64_t quant_max,
                                   const std::optional<at::Tensor>& mask,
                                   const std::optional<at::Tensor>& fold_factor) {
  // Under a compiler sizes may be symbols; the factor is a constant, so that another size is another graph.
  const auto count = [](const at::Tensor& tensor) { return tensor.sym_numel().guard_int(__FILE__, __LINE__); };
  const double grad_factor = lsq_gradient_factor(count(x), count(scale), quant_max);
  return fold_factor ? fake_quantize_folded(x, scale, zero_point, *fold_factor, quant_min, quant_max, mask, grad_factor)
                     : fake_quantize(x, scale, zero_point, quant_min, quant_max, mask, grad_factor);
}

namespace {

// Composite: autograd, compilers and devices see the fake_quantize in it.
TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "fake_quantize_learnable(Tensor x, Tensor scale, Tensor? zero_point, int quant_min, int quant_max, *, "
      "Tensor? mask=None, Tensor? fold_factor=None) -> Tensor",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(compress, CompositeImplicitAutograd, m) {
  m.impl("fake_quantize_learnable", TORCH_FN(fake_quantize_learnable));
}

}  // namespace
}  // namespace compress
