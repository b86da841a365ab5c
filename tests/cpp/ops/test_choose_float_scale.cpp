#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compress/ops/choose_float_scale.h"

namespace compress {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

at::Tensor of_amax(const at::Tensor& amax, int64_t exponent_bits, int64_t mantissa_bits,
                   c10::string_view scale_format = "float32", const std::optional<at::Tensor>& tensor_amax = {}) {
  return choose_float_scale(-amax, amax, exponent_bits, mantissa_bits, scale_format, tensor_amax);
}

TEST(ChooseFloatScale, Float32DividesTheLargerSideByTheLargestValue) {
  const at::Tensor scale = choose_float_scale(at::tensor({-1.0f, -6.0f}), at::tensor({3.0f, 2.0f}), 2, 1);
  EXPECT_TRUE(at::equal(scale, at::tensor({0.5f, 1.0f})));
  EXPECT_EQ(of_amax(at::full({}, 0.0f), 4, 3).item<float>(), std::numeric_limits<float>::min());
}

TEST(ChooseFloatScale, E8M0IsThePowerOfTwoOfTheSpecification) {
  // emax: E4M3 8, E5M2 15, E3M2 4, E2M3 2, E2M1 2
  const std::vector<std::array<int, 3>> formats = {{4, 3, 8}, {5, 2, 15}, {3, 2, 4}, {2, 3, 2}, {2, 1, 2}};
  for (const auto& [exponent_bits, mantissa_bits, emax] : formats) {
    for (const float amax : {1.0f, 1.999f, 2.0f, 3e-5f, 448.0f, 3.4e38f, 1e-38f, 1e-45f, 1.2e-38f}) {
      const int exponent = std::max(-127, static_cast<int>(std::floor(std::log2(static_cast<double>(amax)))) - emax);
      EXPECT_EQ(of_amax(at::full({}, amax), exponent_bits, mantissa_bits, "e8m0").item<float>(),
                std::ldexp(1.0f, exponent))
          << amax;
    }
    EXPECT_EQ(of_amax(at::full({}, 0.0f), exponent_bits, mantissa_bits, "e8m0").item<float>(), 0x1p-127f);
  }
}

TEST(ChooseFloatScale, E4M3RoundsBlocksUnderTheTensorsScale) {
  // unit = 2688 / (448 * 6) = 1: the scales are E4M3 numbers themselves.
  const at::Tensor amax = at::tensor({2688.0f, 6.0f * 17, 6.0f * 17.5f, 6.0f, 1e-6f, 0.0f, 1e6f});
  const at::Tensor wanted = at::tensor({448.0f, 16.0f, 18.0f, 1.0f, 0x1p-9f, 0x1p-9f, 448.0f});
  EXPECT_TRUE(at::equal(of_amax(amax, 2, 1, "e4m3", at::full({}, 2688.0f)), wanted));
}

TEST(ChooseFloatScale, NeverObservedInfiniteAndNanRanges) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor min = at::tensor({infinity, -infinity, nan, 0.0f, -1.0f});
  const at::Tensor max = at::tensor({-infinity, 1.0f, 1.0f, nan, infinity});
  for (const c10::string_view scale_format : {"float32", "e8m0", "e4m3"}) {
    const std::optional<at::Tensor> tensor_amax =
        scale_format == "e4m3" ? std::optional<at::Tensor>(at::ones({})) : std::nullopt;
    const at::Tensor scale = choose_float_scale(min, max, 4, 3, scale_format, tensor_amax);
    EXPECT_EQ(scale[0].item<float>(), 1.0f);
    EXPECT_TRUE(scale.slice(0, 1).isnan().all().item<bool>()) << scale_format;
  }
  for (const float of_tensor : {nan, infinity}) {
    EXPECT_TRUE(of_amax(at::ones({1}), 2, 1, "e4m3", at::full({}, of_tensor)).isnan().item<bool>());
  }
  EXPECT_EQ(of_amax(at::zeros({}), 2, 1, "e4m3", at::zeros({})).item<float>(), 0x1p-126f);
}

TEST(ChooseFloatScale, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor one = at::ones({1});
  EXPECT_THROW(choose_float_scale(one, at::ones({2}), 4, 3), c10::Error);
  EXPECT_THROW(choose_float_scale(one.to(at::kDouble), one, 4, 3), c10::Error);
  EXPECT_THROW(choose_float_scale(one, one, 8, 7), c10::Error);
  EXPECT_THROW(choose_float_scale(one, one, 4, 3, "e5m2"), c10::Error);
  EXPECT_THROW(choose_float_scale(one, one, 4, 3, "e4m3"), c10::Error);
  EXPECT_THROW(choose_float_scale(one, one, 4, 3, "e8m0", one), c10::Error);
  EXPECT_THROW(choose_float_scale(one, one, 4, 3, "e4m3", at::ones({2})), c10::Error);
}

}  // namespace
}  // namespace compress
