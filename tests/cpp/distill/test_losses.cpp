#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/distill/losses.h"
#include "core/temp_folder.h"

namespace compress::distill {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<FeatureLoss> kinds = {FeatureLoss::mse, FeatureLoss::attention, FeatureLoss::relational};

at::Tensor sample(at::IntArrayRef sizes, uint64_t seed, at::ScalarType dtype = at::kDouble) {
  at::manual_seed(seed);
  return at::randn(sizes, dtype);
}

std::string message_of(const at::Tensor& student, const at::Tensor& teacher, FeatureLoss kind) {
  return test::error_of<UsageError>([&] { feature_loss(student, teacher, kind); });
}

TEST(FeatureLoss, MseEqualsTorch) {
  for (const std::vector<int64_t>& sizes : {std::vector<int64_t>{4, 3}, {2, 5, 3}, {2, 3, 4, 5}}) {
    const at::Tensor student = sample(sizes, 0);
    const at::Tensor teacher = sample(sizes, 1);
    EXPECT_TRUE(at::equal(feature_loss(student, teacher, FeatureLoss::mse), at::mse_loss(student, teacher)));
  }
}

TEST(FeatureLoss, AttentionOfAWorkedExample) {
  // Student map: mean over channels of squares (9, 16) / |.| ; teacher's: (0, 4) / |.| = (0, 1).
  const at::Tensor student = at::tensor({3.0, 4.0, 3.0, -4.0}, at::kDouble).view({1, 2, 1, 2});
  const at::Tensor teacher = at::tensor({0.0, 2.0}, at::kDouble).view({1, 1, 1, 2});
  const double length = std::sqrt(9.0 * 9.0 + 16.0 * 16.0);
  const double expected = (std::pow(9.0 / length, 2) + std::pow(16.0 / length - 1.0, 2)) / 2.0;
  EXPECT_NEAR(feature_loss(student, teacher, FeatureLoss::attention).item<double>(), expected, 1e-15);
}

TEST(FeatureLoss, AttentionIgnoresScaleAndChannelOrder) {
  const at::Tensor student = sample({3, 4, 5, 5}, 0);
  EXPECT_LT(feature_loss(student, student.flip(1) * 7, FeatureLoss::attention).item<double>(), 1e-30);
  EXPECT_GT(feature_loss(student, student.flip(3), FeatureLoss::attention).item<double>(), 1e-4);
}

TEST(FeatureLoss, AttentionMapsMeetAtTheSmallerSize) {
  const at::Tensor student = sample({3, 2, 4, 3}, 0);
  const at::Tensor teacher = sample({3, 5, 2, 6}, 1);
  // A constant image and any pooling of it have the same map.
  const at::Tensor constant = at::ones({3, 1, 1, 1}, at::kDouble);
  EXPECT_LT(
      feature_loss(constant.expand({3, 2, 4, 3}), constant.expand({3, 5, 2, 6}), FeatureLoss::attention).item<double>(),
      1e-30);
  const at::Tensor expected =
      feature_loss(at::adaptive_avg_pool2d(student.square().mean(1, true), {2, 3}).sqrt(),
                   at::adaptive_avg_pool2d(teacher.square().mean(1, true), {2, 3}).sqrt(), FeatureLoss::attention);
  EXPECT_TRUE(at::allclose(feature_loss(student, teacher, FeatureLoss::attention), expected, 1e-12, 0));
}

TEST(FeatureLoss, RelationalOfAWorkedExample) {
  // Points on a line. Student 0, 1, 3: distances 1, 3, 2, mean 2. Teacher 0, 1, 2: distances 1, 2, 1, mean 4/3.
  const at::Tensor student = at::tensor({0.0, 1.0, 3.0}, at::kDouble).view({3, 1});
  const at::Tensor teacher = at::tensor({0.0, 1.0, 2.0}, at::kDouble).view({3, 1});
  // Differences 1/2 - 3/4, 3/2 - 3/2, 1 - 3/4; Huber's quadratic part.
  const double expected = (0.5 * 0.0625 + 0.0 + 0.5 * 0.0625) / 3.0;
  EXPECT_NEAR(feature_loss(student, teacher, FeatureLoss::relational).item<double>(), expected, 1e-15);
}

TEST(FeatureLoss, RelationalSeesOnlyDistances) {
  const at::Tensor student = sample({6, 4}, 0);
  const at::Tensor wider = at::cat({student * -3 + 5, at::zeros({6, 2}, at::kDouble)}, 1).view({6, 3, 2});
  EXPECT_LT(feature_loss(student, wider, FeatureLoss::relational).item<double>(), 1e-28);
  EXPECT_GT(feature_loss(student, sample({6, 4}, 1), FeatureLoss::relational).item<double>(), 1e-4);
}

TEST(FeatureLoss, RelationalOfEqualOrSingleSamplesIsFinite) {
  at::Tensor same = at::ones({3, 4}).requires_grad_();
  at::Tensor loss = feature_loss(same, at::ones({3, 4}), FeatureLoss::relational);
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0.0f);
  EXPECT_TRUE(same.grad().isfinite().all().item<bool>());
  at::Tensor one = at::ones({1, 4}).requires_grad_();
  loss = feature_loss(one, at::zeros({1, 4}), FeatureLoss::relational);
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0.0f);
  EXPECT_TRUE(at::equal(one.grad(), at::zeros({1, 4})));
}

TEST(FeatureLoss, GradientsEqualFiniteDifferences) {
  for (const FeatureLoss kind : kinds) {
    at::Tensor student = sample({3, 2, 2, 2}, 0).requires_grad_();
    const at::Tensor teacher = sample({3, 2, 2, 2}, 1);
    feature_loss(student, teacher, kind).backward();
    const at::Tensor direction = sample({3, 2, 2, 2}, 2);
    const double step = 1e-6;
    const at::NoGradGuard no_grad;
    const at::Tensor ahead = feature_loss(student + direction * step, teacher, kind);
    const at::Tensor behind = feature_loss(student - direction * step, teacher, kind);
    const double expected = (ahead - behind).item<double>() / (2 * step);
    EXPECT_NEAR((student.grad() * direction).sum().item<double>(), expected, 1e-8) << enum_name(kind);
  }
}

TEST(FeatureLoss, GradientGoesToTheStudentOnly) {
  for (const FeatureLoss kind : kinds) {
    at::Tensor student = sample({3, 2, 2, 2}, 0).requires_grad_();
    at::Tensor teacher = sample({3, 2, 2, 2}, 1).requires_grad_();
    feature_loss(student, teacher, kind).backward();
    EXPECT_TRUE(student.grad().defined());
    EXPECT_FALSE(teacher.grad().defined());
  }
}

TEST(FeatureLoss, HalfPrecisionIsComputedInFloat) {
  for (const FeatureLoss kind : kinds) {
    at::Tensor student = sample({3, 2, 2, 2}, 0, at::kFloat).to(at::kBFloat16).requires_grad_();
    const at::Tensor teacher = sample({3, 2, 2, 2}, 1, at::kFloat);
    const at::Tensor loss = feature_loss(student, teacher, kind);
    EXPECT_EQ(loss.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(loss, feature_loss(student.to(at::kFloat), teacher, kind)));
    loss.backward();
    EXPECT_EQ(student.grad().scalar_type(), at::kBFloat16);
  }
}

TEST(FeatureLoss, ErrorsNameBothShapes) {
  const at::Tensor a = at::zeros({2, 3, 4, 4});
  EXPECT_THAT(message_of(a, at::zeros({2, 5, 4, 4}), FeatureLoss::mse),
              AllOf(HasSubstr("mse"), HasSubstr("[2, 3, 4, 4]"), HasSubstr("[2, 5, 4, 4]"), HasSubstr("projector")));
  EXPECT_THAT(message_of(a, at::zeros({3, 3, 4, 4}), FeatureLoss::attention), HasSubstr("[3, 3, 4, 4]"));
  EXPECT_THAT(message_of(at::zeros({2, 3}), at::zeros({2, 3}), FeatureLoss::attention), HasSubstr("[N, C, H, W]"));
  EXPECT_THAT(message_of(a, at::zeros({3, 3}), FeatureLoss::relational), HasSubstr("equal N"));
  EXPECT_THAT(message_of(at::zeros({2}), at::zeros({2}), FeatureLoss::relational), HasSubstr("[N, ...]"));
}

}  // namespace
}  // namespace compress::distill
