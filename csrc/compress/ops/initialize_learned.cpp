#include "compress/ops/initialize_learned.h"

#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <cmath>
#include <limits>

#include "compress/ops/blocks.h"
#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"
#include "compress/ops/observe_qparams.h"
#include "compress/ops/optional_tensor.h"

namespace compress {

void checks::initialize_learned_(const at::Tensor& scale, const OptionalTensor& zero_point, const at::Tensor& x,
                                 int64_t quant_min, int64_t quant_max, bool symmetric) {
  check_float_format("initialize_learned_", "x", x.scalar_type());
  qparams_outputs("initialize_learned_", scale, zero_point, scale.sym_sizes(), x.device(), quant_min, quant_max,
                  symmetric);
  check_granularity("initialize_learned_", "scale", scale, x);
  TORCH_CHECK(!symmetric || quant_max > 0, "initialize_learned_: a symmetric grid needs quant_max > 0 (got ", quant_max,
              ")");
}

void initialize_learned_(at::Tensor& scale, const OptionalTensor& zero_point, const at::Tensor& x, int64_t quant_min,
                         int64_t quant_max, bool symmetric, bool skip_zeros) {
  static const auto op = find_operator<decltype(compress::initialize_learned_)>("compress::initialize_learned_");
  op.call(scale, zero_point, x, quant_min, quant_max, symmetric, skip_zeros);
}

namespace {

constexpr float smallest_scale = std::numeric_limits<float>::epsilon();

void initialize_learned_meta(at::Tensor& scale, const OptionalTensor& zero_point, const at::Tensor& x,
                             int64_t quant_min, int64_t quant_max, bool symmetric, bool) {
  checks::initialize_learned_(scale, zero_point, x, quant_min, quant_max, symmetric);
}

// Once in a quantizer's life, so ATen's operators serve on every device.
void initialize_learned_composite(at::Tensor& scale, const OptionalTensor& zero_point, const at::Tensor& x,
                                  int64_t quant_min, int64_t quant_max, bool symmetric, bool skip_zeros) {
  checks::initialize_learned_(scale, zero_point, x, quant_min, quant_max, symmetric);
  if (x.numel() == 0) {
    return;
  }
  const c10::DeviceGuard device(x.device());
  if (!symmetric) {
    at::Tensor min = at::empty(scale.sizes(), scale.options());
    at::Tensor max = at::empty(scale.sizes(), scale.options());
    observe_qparams_(min, max, scale, zero_point, x, quant_min, quant_max, symmetric, 0.0, /*forget=*/true);
    return;
  }
  const at::Tensor magnitude = as_blocks(x.to(at::kFloat), scale.sizes()).abs();
  const at::Tensor mean = skip_zeros ? magnitude.sum(1).div(magnitude.ne(0).sum(1).clamp_min(1)) : magnitude.mean(1);
  const double factor = 2.0 / std::sqrt(static_cast<double>(quant_max));
  scale.copy_(mean.mul(factor).clamp_min(smallest_scale).view(scale.sizes()));
  if (zero_point) {
    zero_point->zero_();
  }
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "initialize_learned_(Tensor(a!) scale, Tensor(b!)? zero_point, Tensor x, int quant_min, int quant_max, "
      "bool symmetric, *, bool skip_zeros=False) -> ()",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("initialize_learned_", TORCH_FN(initialize_learned_meta));
}
TORCH_LIBRARY_IMPL(compress, CompositeExplicitAutograd, m) {
  m.impl("initialize_learned_", TORCH_FN(initialize_learned_composite));
}

}  // namespace
}  // namespace compress
