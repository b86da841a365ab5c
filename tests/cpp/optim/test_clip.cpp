#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>

#include <limits>

#include "compress/core/error.h"
#include "compress/optim/clip.h"
#include "core/temp_folder.h"

namespace compress::optim {
namespace {

at::Tensor with_gradient(const at::Tensor& gradient) {
  at::Tensor parameter = at::zeros_like(gradient).requires_grad_();
  parameter.mutable_grad() = gradient.clone();
  return parameter;
}

std::vector<at::Tensor> three_parameters(at::ScalarType dtype = at::kFloat) {
  at::manual_seed(3);
  return {with_gradient(at::randn({7, 5}, dtype)), at::zeros({4}, dtype).requires_grad_(),
          with_gradient(at::randn({2, 3, 3, 3}, dtype)), with_gradient(at::randn({}, dtype))};
}

TEST(ClipGradientNorm, EqualsTorch) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const double max_norm : {0.5, 3.0, 1000.0}) {
      const auto ours = three_parameters(dtype);
      const auto theirs = three_parameters(dtype);
      const at::Tensor norm = clip_gradient_norm_(ours, max_norm);
      const double expected = torch::nn::utils::clip_grad_norm_(theirs, max_norm);
      // torch's C++ version sums in another order.
      const double tolerance = dtype == at::kBFloat16 ? 1e-2 : dtype == at::kFloat ? 1e-6 : 1e-12;
      EXPECT_NEAR(norm.item<double>() / expected, 1, tolerance);
      EXPECT_FALSE(ours[1].grad().defined());
      for (const size_t i : {0, 2, 3}) {
        EXPECT_TRUE(at::allclose(ours[i].grad(), theirs[i].grad(), tolerance, 0)) << dtype << " " << max_norm;
      }
    }
  }
}

TEST(ClipGradientNorm, MixedDtypesShareOneNorm) {
  const std::vector<at::Tensor> parameters{with_gradient(at::full({1}, 3.0f)),
                                           with_gradient(at::full({1}, 4.0, at::kDouble))};
  EXPECT_DOUBLE_EQ(clip_gradient_norm_(parameters, 1).item<double>(), 5.0);
  EXPECT_NEAR(parameters[0].grad().item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(parameters[1].grad().item<double>(), 0.8, 1e-6);
}

TEST(ClipGradientNorm, SmallGradientsStayBitForBit) {
  const auto parameters = three_parameters();
  const at::Tensor before = parameters[0].grad().clone();
  clip_gradient_norm_(parameters, 1e6);
  EXPECT_TRUE(at::equal(parameters[0].grad(), before));
}

TEST(ClipGradientNorm, NothingToClipIsZero) {
  EXPECT_EQ(clip_gradient_norm_({}, 1).item<double>(), 0);
  EXPECT_EQ(clip_gradient_norm_({at::zeros({3}).requires_grad_()}, 1).item<double>(), 0);
  const std::vector<at::Tensor> zero{with_gradient(at::zeros({3}))};
  EXPECT_EQ(clip_gradient_norm_(zero, 1).item<double>(), 0);
  EXPECT_TRUE(at::equal(zero[0].grad(), at::zeros({3})));
}

TEST(ClipGradientNorm, DivergenceShows) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<at::Tensor> diverged{with_gradient(at::tensor({1.0f, NAN})), with_gradient(at::ones({2}))};
  EXPECT_TRUE(clip_gradient_norm_(diverged, 1).isnan().item<bool>());
  EXPECT_TRUE(diverged[1].grad().isnan().all().item<bool>());
  const std::vector<at::Tensor> overflowed{with_gradient(at::tensor({1.0f, infinity}))};
  EXPECT_TRUE(clip_gradient_norm_(overflowed, 1).isinf().item<bool>());
  EXPECT_TRUE(overflowed[0].grad()[1].isnan().item<bool>());
}

TEST(ClipGradientNorm, LimitIsPositive) {
  for (const double max_norm : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(test::error_of<UsageError>([&] { clip_gradient_norm_({}, max_norm); }),
                testing::HasSubstr("max_norm must be above 0"));
  }
}

}  // namespace
}  // namespace compress::optim
