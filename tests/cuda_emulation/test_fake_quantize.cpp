#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compress/ops/fake_quantize.h"
#include "quantizer_cases.h"

namespace compress {
namespace {

template <typename Body>
void for_each_case(const Body& body) {
  for (const QuantizerCase& of : quantizer_cases()) {
    for (const auto dtype : dtypes()) {
      for (const QuantizerVariant& variant : quantizer_variants()) {
        body(of, dtype, variant);
      }
    }
  }
}

TEST(FakeQuantize, Forward) {
  for_each_case([](const QuantizerCase& of, at::ScalarType dtype, const QuantizerVariant& variant) {
    const Tensors quantizer = quantizer_operands(of, variant);
    const at::Tensor x = sample_with_extremes(of.sizes, dtype).contiguous(of.memory_format);
    const auto op = [](const Tensors& in) -> Tensors {
      return {fake_quantize(in[0], in[1], if_defined(in[2]), -8, 7, if_defined(in[3]))};
    };
    // ATen's CUDA kernel, and ours, multiply float64 by the scale in float; those for the CPU in double.
    const Closeness closeness{dtype == at::kDouble ? 1e-6 : 0, 0};
    expect_as_on_cpu(describe(of, dtype, variant), op, {x, quantizer[0], quantizer[1], quantizer[2]}, {closeness});
  });
}

TEST(FakeQuantize, Int64ZeroPoints) {
  const auto op = [](const Tensors& in) -> Tensors { return {fake_quantize(in[0], in[1], in[2], -8, 7)}; };
  const at::Tensor zero_point = at::tensor({int64_t{-8}, int64_t{3}, int64_t{7}}).view({3, 1});
  expect_as_on_cpu("", op, {sample({3, 70}, at::kFloat), sample_scale({3, 1}), zero_point});
}

Operator backward(std::array<bool, 3> wanted) {
  return [wanted](const Tensors& in) -> Tensors {
    const auto [dx, dscale, dzero_point] =
        fake_quantize_backward(in[0], in[1], in[2], if_defined(in[3]), -8, 7, if_defined(in[4]), 0.5, wanted);
    return {dx, dscale, dzero_point};
  };
}

TEST(FakeQuantize, Backward) {
  for_each_case([](const QuantizerCase& of, at::ScalarType dtype, const QuantizerVariant& variant) {
    const Tensors quantizer = quantizer_operands(of, variant);
    const at::Tensor x = sample(of.sizes, dtype).contiguous(of.memory_format);
    const at::Tensor grad = sample(of.sizes, dtype).flip(0).contiguous(of.memory_format);
    // A term is below 100 and float's ulp 2^-24 of it; roundings of n terms add up to about sqrt(n) of one.
    const double sums = 1e-5 * std::sqrt(static_cast<double>(of.elements_per_scale()));
    if (dtype != at::kFloat && !variant.has_mask) {
      return;  // the variants differ in nothing that depends on the type
    }
    expect_as_on_cpu(describe(of, dtype, variant), backward({true, true, variant.zero_point == ZeroPoint::learned}),
                     {grad, x, quantizer[0], quantizer[1], quantizer[2]}, {{}, {1e-5, sums}, {1e-5, sums}});
  });
}

TEST(FakeQuantize, BackwardOfSoManyPiecesThatABlockAddsAScalesSums) {
  const QuantizerCase of = {{1030, 2, 3}, {1, 2, 1}};
  const QuantizerVariant learned = {"learned zero_point", ZeroPoint::learned, false};
  const Tensors quantizer = quantizer_operands(of, learned);
  const at::Tensor x = sample(of.sizes, at::kFloat);
  expect_as_on_cpu(describe(of, at::kFloat, learned), backward({true, true, true}),
                   {x.flip(0), x, quantizer[0], quantizer[1], at::Tensor()}, {{}, {1e-5, 1e-3}, {1e-5, 1e-3}});
}

TEST(FakeQuantize, BackwardOfExtremes) {
  for_each_case([](const QuantizerCase& of, at::ScalarType dtype, const QuantizerVariant& variant) {
    const Tensors quantizer = quantizer_operands(of, variant);
    const at::Tensor x = sample_with_extremes(of.sizes, dtype).contiguous(of.memory_format);
    const at::Tensor grad = sample(of.sizes, dtype).contiguous(of.memory_format);
    expect_as_on_cpu(describe(of, dtype, variant), backward({true, false, false}),
                     {grad, x, quantizer[0], quantizer[1], quantizer[2]});
  });
}

TEST(FakeQuantize, BackwardOfSumsAlone) {
  const QuantizerVariant learned = {"learned zero_point", ZeroPoint::learned, false};
  const std::vector<std::array<bool, 3>> wanted = {{false, true, false}, {false, false, true}};
  for (const QuantizerCase& of : quantizer_cases()) {
    const Tensors quantizer = quantizer_operands(of, learned);
    const at::Tensor x = sample(of.sizes, at::kFloat).contiguous(of.memory_format);
    const double sums = 1e-5 * std::sqrt(static_cast<double>(of.elements_per_scale()));
    for (const auto& which : wanted) {
      expect_as_on_cpu(describe(of, at::kFloat, learned), backward(which),
                       {x.flip(0).contiguous(of.memory_format), x, quantizer[0], quantizer[1], at::Tensor()},
                       {{}, {1e-5, sums}, {1e-5, sums}});
    }
  }
}

}  // namespace
}  // namespace compress
