#include "compress/ops/cuda/choose_qparams.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <tuple>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"

namespace compress::cuda {
namespace {

std::tuple<at::Tensor, at::Tensor> choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min,
                                                  int64_t quant_max, bool symmetric) {
  checks::choose_qparams(min, max, quant_min, quant_max);
  const c10::cuda::CUDAGuard device(min.device());
  const at::Tensor low = min.contiguous();
  const at::Tensor high = max.contiguous();
  at::Tensor scale = at::empty(min.sizes(), min.options());
  at::Tensor zero_point = at::empty(min.sizes(), min.options().dtype(at::kInt));
  launch_choose_qparams(low.const_data_ptr<float>(), high.const_data_ptr<float>(), min.numel(), quant_min, quant_max,
                        symmetric, scale.mutable_data_ptr<float>(), zero_point.mutable_data_ptr<int32_t>(),
                        c10::cuda::getCurrentCUDAStream());
  check_launch();
  return {scale, zero_point};
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("choose_qparams", TORCH_FN(choose_qparams));
}

}  // namespace
}  // namespace compress::cuda
