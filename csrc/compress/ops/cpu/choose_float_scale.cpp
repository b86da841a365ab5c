#include "compress/ops/choose_float_scale.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/optional_tensor.h"

namespace compress::cpu {
namespace {

at::Tensor choose_float_scale(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits,
                              int64_t mantissa_bits, c10::string_view scale_format, const OptionalTensor& tensor_amax) {
  checks::choose_float_scale(min, max, exponent_bits, mantissa_bits, scale_format, tensor_amax);
  const at::Tensor low = min.contiguous();
  const at::Tensor high = max.contiguous();
  at::Tensor scale = at::empty(min.sizes(), min.options());
  const math::SmallFloat format =
      math::make_small_float(static_cast<int>(exponent_bits), static_cast<int>(mantissa_bits));
  const math::ScaleFormat stored_as = scale_format_named(scale_format);
  const float of_tensor = tensor_amax ? *tensor_amax->const_data_ptr<float>() : 0.0f;
  const float* lows = low.const_data_ptr<float>();
  const float* highs = high.const_data_ptr<float>();
  float* scales = scale.mutable_data_ptr<float>();
  constexpr int64_t grain = 4096;
  at::parallel_for(0, min.numel(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      scales[i] = math::choose_float_scale(lows[i], highs[i], of_tensor, format, stored_as);
    }
  });
  return scale;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("choose_float_scale", TORCH_FN(choose_float_scale));
}

}  // namespace
}  // namespace compress::cpu
