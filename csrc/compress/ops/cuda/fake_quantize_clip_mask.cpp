#include "compress/ops/fake_quantize_clip_mask.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/fake_quantize_clip_mask.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/packed_mask.h"
#include "compress/ops/quantizer.h"

namespace compress::cuda {
namespace {

std::tuple<at::Tensor, at::Tensor> fake_quantize_clip_mask(const at::Tensor& x, const at::Tensor& scale,
                                                           const OptionalTensor& zero_point, int64_t quant_min,
                                                           int64_t quant_max, const OptionalTensor& mask) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  const c10::cuda::CUDAGuard device(x.device());
  const at::Tensor output = at::empty_like(x);
  const at::Tensor clip_mask = empty_clip_mask(output, mask.has_value());
  if (x.numel() == 0) {
    return {output, clip_mask.zero_()};
  }
  const QuantizerTensors tensors(output, x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor result = tensors.order.writable(output);
  launch_fake_quantize_clip_mask({tensors.kernel, result.mutable_data_ptr()}, make_mask_layout(tensors.x.sizes()),
                                 clip_mask.mutable_data_ptr<uint8_t>(), c10::cuda::getCurrentCUDAStream());
  check_launch();
  tensors.order.deliver(result, output);
  return {output, clip_mask};
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("fake_quantize_clip_mask", TORCH_FN(fake_quantize_clip_mask));
}

}  // namespace
}  // namespace compress::cuda
