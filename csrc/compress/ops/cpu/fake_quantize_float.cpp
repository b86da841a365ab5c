#include "compress/ops/cpu/isa/fake_quantize_float.h"

#include <torch/library.h>

#include <algorithm>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/float_quantizer.h"

namespace compress::cpu {
namespace {

void launch(const math::FakeQuantizeFloatCall& call) {
  constexpr int64_t unit = 64;             // whole bytes of the mask, whole cache lines
  constexpr int64_t grain = 32768 / unit;  // below this, waking a thread costs more than it saves
  const int64_t elements = call.geometry.elements();
  const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_float_range);
  at::parallel_for(0, (elements + unit - 1) / unit, grain,
                   [&](int64_t begin, int64_t end) { kernel(call, begin * unit, std::min(end * unit, elements)); });
}

at::Tensor fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits,
                               int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask);
  return fake_quantize_float_with(launch, {}, x, scale, exponent_bits, mantissa_bits, mask);
}

at::Tensor fake_quantize_float_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                        int64_t exponent_bits, int64_t mantissa_bits, const OptionalTensor& mask) {
  checks::fake_quantize_float_backward(grad, x, scale, exponent_bits, mantissa_bits, mask);
  return fake_quantize_float_with(launch, grad, x, scale, exponent_bits, mantissa_bits, mask);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("fake_quantize_float", TORCH_FN(fake_quantize_float));
  m.impl("fake_quantize_float_backward", TORCH_FN(fake_quantize_float_backward));
}

}  // namespace
}  // namespace compress::cpu
