#include "compress/ops/cuda/choose_float_scale.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/choose_float_scale.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/optional_tensor.h"

namespace compress::cuda {
namespace {

at::Tensor choose_float_scale(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits,
                              int64_t mantissa_bits, c10::string_view scale_format, const OptionalTensor& tensor_amax) {
  checks::choose_float_scale(min, max, exponent_bits, mantissa_bits, scale_format, tensor_amax);
  const c10::cuda::CUDAGuard device(min.device());
  const at::Tensor low = min.contiguous();
  const at::Tensor high = max.contiguous();
  at::Tensor scale = at::empty(min.sizes(), min.options());
  launch_choose_float_scale(low.const_data_ptr<float>(), high.const_data_ptr<float>(), min.numel(),
                            tensor_amax ? tensor_amax->const_data_ptr<float>() : nullptr,
                            math::make_small_float(static_cast<int>(exponent_bits), static_cast<int>(mantissa_bits)),
                            scale_format_named(scale_format), scale.mutable_data_ptr<float>(),
                            c10::cuda::getCurrentCUDAStream());
  check_launch();
  return scale;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("choose_float_scale", TORCH_FN(choose_float_scale));
}

}  // namespace
}  // namespace compress::cuda
