#include "compress/ops/math/choose_qparams.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <tuple>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/parallel.h"

namespace compress::cpu {
namespace {

std::tuple<at::Tensor, at::Tensor> choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min,
                                                  int64_t quant_max, bool symmetric) {
  checks::choose_qparams(min, max, quant_min, quant_max);
  const at::Tensor low = min.contiguous();
  const at::Tensor high = max.contiguous();
  at::Tensor scale = at::empty(min.sizes(), min.options());
  at::Tensor zero_point = at::empty(min.sizes(), min.options().dtype(at::kInt));
  const float* lows = low.const_data_ptr<float>();
  const float* highs = high.const_data_ptr<float>();
  float* scales = scale.mutable_data_ptr<float>();
  int32_t* zero_points = zero_point.mutable_data_ptr<int32_t>();
  constexpr int64_t grain = 4096;
  at::parallel_for(0, min.numel(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const math::QuantParams chosen = math::choose_qparams(lows[i], highs[i], quant_min, quant_max, symmetric);
      scales[i] = chosen.scale;
      zero_points[i] = chosen.zero_point;
    }
  });
  return {scale, zero_point};
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("choose_qparams", TORCH_FN(choose_qparams));
}

}  // namespace
}  // namespace compress::cpu
