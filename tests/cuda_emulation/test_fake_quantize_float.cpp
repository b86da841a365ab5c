#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "compress/ops/fake_quantize_float.h"
#include "quantizer_cases.h"

namespace compress {
namespace {

using Bits = std::pair<int64_t, int64_t>;  // of exponent and mantissa

Operator forward(Bits bits) {
  return [bits](const Tensors& in) -> Tensors {
    return {fake_quantize_float(in[0], in[1], bits.first, bits.second, if_defined(in[2]))};
  };
}

Operator backward(Bits bits) {
  return [bits](const Tensors& in) -> Tensors {
    return {fake_quantize_float_backward(in[3], in[0], in[1], bits.first, bits.second, if_defined(in[2]))};
  };
}

TEST(FakeQuantizeFloat, EveryGranularity) {
  for (const QuantizerCase& of : quantizer_cases()) {
    for (const auto dtype : dtypes()) {
      for (const bool has_mask : {false, true}) {
        const QuantizerVariant variant = {has_mask ? "mask" : "", ZeroPoint::none, has_mask};
        const Tensors quantizer = quantizer_operands(of, variant);
        const at::Tensor x = sample_with_extremes(of.sizes, dtype).contiguous(of.memory_format);
        const at::Tensor grad = sample(of.sizes, dtype).contiguous(of.memory_format);
        const Tensors inputs = {x, quantizer[0], quantizer[2], grad};
        expect_as_on_cpu(describe(of, dtype, variant), forward({2, 1}), inputs);
        expect_as_on_cpu("backward " + describe(of, dtype, variant), backward({2, 1}), inputs);
      }
    }
  }
}

TEST(FakeQuantizeFloat, EveryFormat) {
  for (const Bits& bits : {Bits(4, 3), Bits(5, 2), Bits(3, 2), Bits(2, 3)}) {
    for (const auto dtype : dtypes()) {
      at::manual_seed(0);
      const at::Tensor x = (at::randn({64, 64}) * at::logspace(-8, 5, 64)).to(dtype);
      // Scales of any value, and powers of two, by whose reciprocals x is multiplied.
      const at::Tensor any = sample_scale({64, 2});
      for (const at::Tensor& scale : {any, any.log2().floor().exp2()}) {
        const std::string what = std::to_string(bits.first) + " exponent bits, " + c10::toString(dtype);
        expect_as_on_cpu(what, forward(bits), {x, scale, at::Tensor()});
        expect_as_on_cpu("backward " + what, backward(bits), {x, scale, at::Tensor(), sample({64, 64}, dtype)});
      }
    }
  }
}

}  // namespace
}  // namespace compress
