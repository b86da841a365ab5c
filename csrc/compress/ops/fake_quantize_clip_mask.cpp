#include "compress/ops/fake_quantize_clip_mask.h"

#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/memory_order.h"
#include "compress/ops/optional_tensor.h"
#include "compress/ops/packed_mask.h"

namespace compress {

std::tuple<at::Tensor, at::Tensor> fake_quantize_clip_mask(const at::Tensor& x, const at::Tensor& scale,
                                                           const OptionalTensor& zero_point, int64_t quant_min,
                                                           int64_t quant_max, const OptionalTensor& mask) {
  static const auto op =
      find_operator<decltype(compress::fake_quantize_clip_mask)>("compress::fake_quantize_clip_mask");
  return op.call(x, scale, zero_point, quant_min, quant_max, mask);
}

at::Tensor empty_clip_mask(const at::Tensor& y, bool masked) {
  return empty_packed_mask(masked ? y : MemoryOrder(y).permute(y));
}

namespace {

std::tuple<at::Tensor, at::Tensor> fake_quantize_clip_mask_meta(const at::Tensor& x, const at::Tensor& scale,
                                                                const OptionalTensor& zero_point, int64_t quant_min,
                                                                int64_t quant_max, const OptionalTensor& mask) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor y = at::empty_like(x);
  return {y, empty_clip_mask(y, mask.has_value())};
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  // The compiler must not change x's layout: the mask's order follows it.
  m.def(
      "fake_quantize_clip_mask(Tensor x, Tensor scale, Tensor? zero_point, int quant_min, int quant_max, *, "
      "Tensor? mask=None) -> (Tensor, Tensor)",
      {at::Tag::pt2_compliant_tag, at::Tag::needs_fixed_stride_order});
}

TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("fake_quantize_clip_mask", TORCH_FN(fake_quantize_clip_mask_meta));
}

}  // namespace
}  // namespace compress
