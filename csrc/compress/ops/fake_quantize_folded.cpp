#include "compress/ops/fake_quantize_folded.h"

#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/fake_quantize.h"
#include "compress/ops/float_format.h"
#include "compress/ops/optional_tensor.h"

namespace compress {

void checks::fold_factor(const char* op, const at::Tensor& fold_factor, const at::Tensor& x) {
  check_float_format(op, "fold_factor", fold_factor.scalar_type());
  TORCH_CHECK(fold_factor.device() == x.device(), op, ": fold_factor must be on x's device (got ", fold_factor.device(),
              ", expected ", x.device(), ")");
  bool fits = fold_factor.dim() == x.dim();
  for (int64_t d = 0; fits && d < x.dim(); ++d) {
    fits = fold_factor.sym_size(d) == 1 || fold_factor.sym_size(d) == x.sym_size(d);
  }
  TORCH_CHECK(fits, op, ": fold_factor must have x's rank, and x's size or 1 in each dimension (got ",
              fold_factor.sym_sizes(), ", expected to fit ", x.sym_sizes(), ")");
}

namespace {

/// `grid` (scale or zero_point) with as many entries as the factor has, in each dimension where both have several.
at::Tensor repeated_for(const at::Tensor& fold_factor, at::Tensor grid) {
  for (int64_t d = 0; d < grid.dim(); ++d) {
    const auto entries = grid.sym_size(d);
    const auto factors = fold_factor.sym_size(d);
    if (entries != 1 && factors != 1 && entries != factors) {
      grid = grid.repeat_interleave_symint(factors / entries, d);
    }
  }
  return grid;
}

}  // namespace

at::Tensor fake_quantize_folded(const at::Tensor& x, const at::Tensor& scale, const OptionalTensor& zero_point,
                                const at::Tensor& fold_factor, int64_t quant_min, int64_t quant_max,
                                const OptionalTensor& mask, double grad_factor) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  checks::fold_factor("fake_quantize_folded", fold_factor, x);
  const at::Tensor unfolded = repeated_for(fold_factor, scale) / fold_factor.detach().to(at::kFloat);
  const auto zero =
      zero_point ? std::optional(repeated_for(fold_factor, *zero_point).expand_as(unfolded)) : std::nullopt;
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
