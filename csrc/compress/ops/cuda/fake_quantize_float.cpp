#include "compress/ops/cuda/fake_quantize_float.h"

#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/float_quantizer.h"

namespace compress::cuda {
namespace {

void launch(const math::FakeQuantizeFloatCall& call) {
  launch_fake_quantize_float(call, c10::cuda::getCurrentCUDAStream());
  check_launch();
}

at::Tensor fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                               int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask);
  const c10::cuda::CUDAGuard device(x.device());
  return fake_quantize_float_with(launch, {}, x, scale, exponent_bits, mantissa_bits, mask);
}

at::Tensor fake_quantize_float_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                        int64_t exponent_bits, int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float_backward(grad, x, scale, exponent_bits, mantissa_bits, mask);
  const c10::cuda::CUDAGuard device(x.device());
  return fake_quantize_float_with(launch, grad, x, scale, exponent_bits, mantissa_bits, mask);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("fake_quantize_float", TORCH_FN(fake_quantize_float));
  m.impl("fake_quantize_float_backward", TORCH_FN(fake_quantize_float_backward));
}

}  // namespace
}  // namespace compress::cuda
