#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "compress/ops/choose_qparams.h"

namespace compress {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(ChooseQparams, SymmetricCoversTheLargerSide) {
  const auto [scale, zero_point] =
      choose_qparams(at::tensor({-1.0f, -2.0f}), at::tensor({2.0f, 1.0f}), -127, 127, true);
  EXPECT_TRUE(at::equal(scale, at::full({2}, 2.0f / 127)));
  EXPECT_TRUE(at::equal(zero_point, at::zeros({2}, at::kInt)));
}

TEST(ChooseQparams, AsymmetricMapsTheRangeOntoTheGrid) {
  const auto [scale, zero_point] = choose_qparams(at::full({}, -1.0f), at::full({}, 3.0f), 0, 255, false);
  EXPECT_EQ(scale.item<float>(), 4.0f / 255);
  EXPECT_EQ(zero_point.item<int32_t>(), 64);
}

TEST(ChooseQparams, ARangeOnOneSideIsWidenedToHoldZero) {
  const auto [scale, zero_point] = choose_qparams(at::full({}, 2.0f), at::full({}, 5.0f), 0, 255, false);
  EXPECT_EQ(scale.item<float>(), 5.0f / 255);
  EXPECT_EQ(zero_point.item<int32_t>(), 0);
}

TEST(ChooseQparams, NeverObservedEmptyAndNanRanges) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto [scale, zero_point] =
      choose_qparams(at::tensor({infinity, 0.0f, nan}), at::tensor({-infinity, 0.0f, 1.0f}), -8, 7, false);
  EXPECT_EQ(scale[0].item<float>(), 1.0f);
  EXPECT_EQ(scale[1].item<float>(), std::numeric_limits<float>::epsilon());
  EXPECT_TRUE(scale[2].isnan().item<bool>());
  EXPECT_TRUE(at::equal(zero_point, at::tensor({0, -8, 0}, at::kInt)));
}

TEST(ChooseQparams, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor one = at::ones({1});
  EXPECT_THROW(choose_qparams(one, one, 7, 7, true), c10::Error);
  EXPECT_THROW(choose_qparams(one, at::ones({2}), -8, 7, true), c10::Error);
  EXPECT_THROW(choose_qparams(one.to(at::kDouble), one, -8, 7, true), c10::Error);
}

}  // namespace
}  // namespace compress
