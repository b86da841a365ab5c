#include "compress/ops/fake_quantize.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace compress {
namespace {

const std::vector<at::ScalarType> dtypes = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

at::Tensor sample(at::IntArrayRef sizes) {
  at::manual_seed(0);
  return at::randn(sizes) * 3;
}

TEST(FakeQuantize, EqualsAtenPerTensorBitForBit) {
  // 0.125 puts many samples on rounding ties once they are multiples of 1/16.
  for (const auto dtype : dtypes) {
    for (const int64_t zero_point : {0, 1, -7}) {
      const at::Tensor x = ((sample({37, 53}) * 16).round() / 16).to(dtype);
      const at::Tensor expected = at::fake_quantize_per_tensor_affine(x, 0.125, zero_point, -128, 127);
      const at::Tensor got =
          fake_quantize(x, at::full({}, 0.125f), at::full({}, zero_point, at::kInt), -128, 127);
      EXPECT_TRUE(at::equal(got, expected)) << dtype << " zero_point " << zero_point;
      const at::Tensor inexact = at::full({}, 0.1f);  // no power of two: the product rounds
      const at::Tensor wanted =
          at::fake_quantize_per_tensor_affine(x, inexact.item<float>(), zero_point, -128, 127);
      EXPECT_TRUE(at::equal(fake_quantize(x, inexact, at::full({}, zero_point, at::kInt), -128, 127), wanted))
          << dtype << " zero_point " << zero_point;
    }
  }
}

TEST(FakeQuantize, EqualsAtenPerChannelOnEveryAxisBitForBit) {
  const at::Tensor x32 = sample({5, 7, 3, 4});
  for (const auto dtype : dtypes) {
    for (int64_t axis = 0; axis < 4; ++axis) {
      const int64_t channels = x32.size(axis);
      const at::Tensor scale = at::rand({channels}) * 0.1 + 0.01;
      const at::Tensor zero_point = at::randint(-3, 4, {channels}, at::kInt);
      std::vector<int64_t> shape(4, 1);
      shape[axis] = channels;
      const at::Tensor x = x32.to(dtype);
      const at::Tensor expected = at::fake_quantize_per_channel_affine(x, scale, zero_point, axis, -8, 7);
      EXPECT_TRUE(at::equal(fake_quantize(x, scale.view(shape), zero_point.view(shape), -8, 7), expected))
          << dtype << " axis " << axis;
    }
  }
}

TEST(FakeQuantize, GroupsEqualPerChannelOfTheReshapedTensor) {
  const at::Tensor x = sample({6, 32});
  const at::Tensor scale = at::rand({6, 4}) * 0.1 + 0.01;
  const at::Tensor expected = at::fake_quantize_per_channel_affine(x.view({24, 8}), scale.view({24}),
                                                                   at::zeros({24}, at::kInt), 0, -127, 127);
  EXPECT_TRUE(at::equal(fake_quantize(x, scale, {}, -127, 127), expected.view({6, 32})));
}

TEST(FakeQuantize, ThreadsMayCutARunAnywhere) {
  const at::Tensor x = sample({3, 100003});
  const at::Tensor scale = at::rand({3, 1}) * 0.1 + 0.01;
  const at::Tensor expected =
      at::fake_quantize_per_channel_affine(x, scale.view({3}), at::zeros({3}, at::kInt), 0, -127, 127);
  EXPECT_TRUE(at::equal(fake_quantize(x, scale, {}, -127, 127), expected));
}

TEST(FakeQuantize, StridedInputsAndEmptyOnes) {
  const at::Tensor x = sample({9, 11});
  const at::Tensor scale = at::full({}, 0.1f);
  EXPECT_TRUE(at::equal(fake_quantize(x.t(), scale, {}, -8, 7), fake_quantize(x, scale, {}, -8, 7).t()));
  EXPECT_EQ(fake_quantize(at::empty({0, 4}), at::ones({1, 4}), {}, -8, 7).sizes(), at::IntArrayRef({0, 4}));
}

TEST(FakeQuantize, SaturatesHugeValuesAndKeepsNan) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor x = at::tensor({1e30f, -1e30f, infinity, -infinity, std::nanf("")});
  const at::Tensor y = fake_quantize(x, at::full({1}, 0.5f), {}, -8, 7);
  EXPECT_TRUE(at::equal(y.slice(0, 0, 4), at::tensor({3.5f, -4.0f, 3.5f, -4.0f})));
  EXPECT_TRUE(y.isnan()[4].item<bool>());
}

TEST(FakeQuantize, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor x = at::ones({4, 6});
  const at::Tensor one = at::ones({});
  const auto message = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  };
  const auto expect = [&](auto&& call, const char* part) {
    const std::string text = message(call);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect([&] { fake_quantize(x, at::ones({3, 1}), {}, -8, 7); }, "got scale [3, 1] for x [4, 6]");
  expect([&] { fake_quantize(x, one.to(at::kDouble), {}, -8, 7); }, "scale must be float32");
  expect([&] { fake_quantize(x.to(at::kInt), one, {}, -8, 7); }, "x must be floating");
  expect([&] { fake_quantize(x, one, {}, 7, 7); }, "quant_min must be below quant_max");
  expect([&] { fake_quantize(x, one, at::zeros({}), -8, 7); }, "zero_point must be int32 or int64");
  expect([&] { fake_quantize(x, one, at::zeros({1}, at::kInt), -8, 7); }, "zero_point must have scale's shape");
  expect([&] { fake_quantize(at::ones({2}).requires_grad_(), one, {}, -8, 7); }, "no gradient yet");
}

}  // namespace
}  // namespace compress
