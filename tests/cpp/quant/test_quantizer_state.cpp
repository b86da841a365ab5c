#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "compress/core/error.h"
#include "compress/ops/fake_quantize.h"
#include "compress/quant/quantizer_state.h"

namespace compress::quant {
namespace {

QuantizerOptions make_options(int bits, Granularity granularity, bool symmetric, int64_t group_size = 0) {
  QuantizerOptions options;
  options.format = {bits};
  options.granularity = granularity;
  options.symmetric = symmetric;
  options.group_size = group_size;
  return options;
}

TEST(QuantizerState, GranularityIsTheShapeOfTheScale) {
  const QuantizerOptions tensor = make_options(8, Granularity::tensor, true);
  const QuantizerOptions channel = make_options(8, Granularity::channel, true);
  const QuantizerOptions group = make_options(4, Granularity::group, true, 4);
  using Sizes = std::vector<int64_t>;
  EXPECT_EQ(scale_sizes(tensor, Role::weight, {6, 8}), Sizes{});
  EXPECT_EQ(scale_sizes(channel, Role::weight, {6, 8, 3, 3}), (Sizes{6, 1, 1, 1}));
  EXPECT_EQ(scale_sizes(channel, Role::activation, {2, 8, 5, 5}), (Sizes{1, 8, 1, 1}));
  EXPECT_EQ(scale_sizes(group, Role::weight, {6, 8}), (Sizes{6, 2}));
  EXPECT_EQ(scale_sizes(group, Role::weight, {6, 8, 3, 3}), (Sizes{6, 2, 1, 1}));
  EXPECT_THROW(scale_sizes(group, Role::weight, {6, 10}), UsageError);
  EXPECT_THROW(scale_sizes(group, Role::activation, {6, 8}), UsageError);
  EXPECT_THROW(scale_sizes(make_options(4, Granularity::group, true, 0), Role::weight, {6, 8}), UsageError);
}

TEST(QuantizerState, IntegersOnEveryGridMapBackToTheFakeQuantizedValuesBitForBit) {
  torch::manual_seed(4);
  const at::Tensor x = at::randn({6, 8, 3, 3});
  for (int bits = 2; bits <= 8; ++bits) {
    for (const bool symmetric : {true, false}) {
      for (const auto granularity : {Granularity::tensor, Granularity::channel, Granularity::group}) {
        const QuantizerOptions options = make_options(bits, granularity, symmetric, 4);
        QuantizerState state = make_state(options, scale_sizes(options, Role::weight, x.sizes()), at::kCPU);
        observe_(state, options, Role::weight, x);
        const at::Tensor integers = quantize(state, options, x);
        EXPECT_GE(integers.min().item<int64_t>(), options.quant_min());
        EXPECT_LE(integers.max().item<int64_t>(), options.quant_max());
        EXPECT_TRUE(at::equal(dequantize(integers, state.scale, state.zero_point), apply(state, options, x)))
            << bits << " bits, symmetric " << symmetric << ", granularity " << static_cast<int>(granularity);
      }
    }
  }
}

TEST(QuantizerState, ErrorIsAtMostHalfAStepInsideTheRange) {
  const QuantizerOptions options = make_options(8, Granularity::channel, false);
  const at::Tensor x = at::randn({5, 40});
  QuantizerState state = make_state(options, {5, 1}, at::kCPU);
  observe_(state, options, Role::weight, x);
  // One more half step where the zero point had to be rounded and the range moved against the grid.
  EXPECT_TRUE(((apply(state, options, x) - x).abs() <= state.scale * 1.0001).all().item<bool>());
}

TEST(Observers, OfAWeightForgetOfAnActivationRemember) {
  const QuantizerOptions options = make_options(8, Granularity::tensor, true);
  QuantizerState weight = make_state(options, {}, at::kCPU), activation = make_state(options, {}, at::kCPU);
  for (const double size : {4.0, 1.0}) {
    const at::Tensor x = at::tensor({-size, size}).to(at::kFloat);
    observe_(weight, options, Role::weight, x);
    observe_(activation, options, Role::activation, x);
  }
  EXPECT_FLOAT_EQ(weight.max.item<float>(), 1);
  EXPECT_FLOAT_EQ(activation.max.item<float>(), 4);
}

TEST(Observers, MovingAverageMovesByItsShare) {
  QuantizerOptions options = make_options(8, Granularity::tensor, false);
  options.observer = ObserverType::moving_average;
  options.averaging = 0.25;
  QuantizerState state = make_state(options, {}, at::kCPU);
  observe_(state, options, Role::activation, at::tensor({0.0f, 8.0f}));
  EXPECT_FLOAT_EQ(state.max.item<float>(), 8) << "the first batch as it is";
  observe_(state, options, Role::activation, at::tensor({-4.0f, 4.0f}));
  EXPECT_FLOAT_EQ(state.max.item<float>(), 7);
  EXPECT_FLOAT_EQ(state.min.item<float>(), -1);
  EXPECT_FLOAT_EQ(state.scale.item<float>(), 8.0f / 255.0f);
  EXPECT_EQ(state.zero_point.item<int>(), -128 + 32);
}

TEST(Observers, PercentileLeavesOutliersOut) {
  QuantizerOptions options = make_options(8, Granularity::channel, false);
  options.observer = ObserverType::percentile;
  options.percentile = 99;
  QuantizerState state = make_state(options, {2, 1}, at::kCPU);
  at::Tensor x = at::arange(200).to(at::kFloat).repeat({2, 1});
  x[1] *= -1;
  x[0][0] = 1e6;
  observe_(state, options, Role::weight, x);
  EXPECT_FLOAT_EQ(state.max[0].item<float>(), 198) << "the 198th smallest of 1, 2, ..., 199, 1e6";
  EXPECT_FLOAT_EQ(state.min[1].item<float>(), -197);
}

TEST(Observers, AnEmptyBatchChangesNothing) {
  for (const auto observer : {ObserverType::min_max, ObserverType::percentile}) {
    QuantizerOptions options = make_options(8, Granularity::tensor, true);
    options.observer = observer;
    QuantizerState state = make_state(options, {}, at::kCPU);
    observe_(state, options, Role::activation, at::empty({0, 4}));
    EXPECT_EQ(state.scale.item<float>(), 1);
    EXPECT_TRUE(std::isinf(state.max.item<float>()));
  }
}

TEST(LearnedScale, StartsAsThePapersSay) {
  const at::Tensor x = at::randn({4, 100});
  QuantizerOptions options = make_options(4, Granularity::channel, true);
  options.scale = ScaleSource::learned;
  QuantizerState state = make_state(options, {4, 1}, at::kCPU);
  initialize_learned_(state, options, Role::weight, x);
  EXPECT_TRUE(at::allclose(state.scale, 2 * x.abs().mean(1, true) / std::sqrt(7.0)));
  initialize_learned_(state, options, Role::weight, at::zeros({4, 100}));
  EXPECT_TRUE(state.scale.gt(0).all().item<bool>()) << "a layer of zeros still has a grid";
  options.symmetric = false;
  QuantizerState asymmetric = make_state(options, {4, 1}, at::kCPU);
  EXPECT_EQ(asymmetric.zero_point.scalar_type(), at::kFloat) << "learned too";
  initialize_learned_(asymmetric, options, Role::weight, x);
  const at::Tensor range = x.amax(1, true).clamp_min(0) - x.amin(1, true).clamp_max(0);
  EXPECT_TRUE(at::allclose(asymmetric.scale, range / 15));
}

TEST(LearnedScale, OfAPrunedWeightLooksAtTheKeptOnes) {
  at::Tensor x = at::randn({4, 100});
  QuantizerOptions options = make_options(4, Granularity::channel, true);
  options.scale = ScaleSource::learned;
  QuantizerState dense = make_state(options, {4, 1}, at::kCPU), pruned = make_state(options, {4, 1}, at::kCPU);
  initialize_learned_(dense, options, Role::weight, x.slice(1, 0, 10));
  x.slice(1, 10, 100).zero_();
  initialize_learned_(pruned, options, Role::weight, x);
  EXPECT_TRUE(at::allclose(pruned.scale, dense.scale));
  initialize_learned_(pruned, options, Role::activation, x);
  EXPECT_TRUE(at::allclose(pruned.scale, dense.scale / 10)) << "zeros of an activation are values like others";
}

TEST(LearnedScale, GradientFactorIsLsqs) {
  QuantizerOptions options = make_options(8, Granularity::tensor, true);
  EXPECT_DOUBLE_EQ(gradient_factor(options, at::empty({100, 100}), at::ones({})), 1 / std::sqrt(10000 * 127.0));
  EXPECT_DOUBLE_EQ(gradient_factor(options, at::empty({100, 100}), at::ones({100, 1})), 1 / std::sqrt(100 * 127.0));
}

TEST(LearnedScale, OnlyLearnedOnesScaleTheirGradient) {
  QuantizerOptions options = make_options(4, Granularity::tensor, true);
  const at::Tensor x = at::randn({50});
  const auto gradient = [&](ScaleSource source) {
    options.scale = source;
    QuantizerState state = make_state(options, {}, at::kCPU);
    state.scale.fill_(0.1).requires_grad_();
    apply(state, options, x).sum().backward();
    return state.scale.grad();
  };
  EXPECT_TRUE(at::allclose(gradient(ScaleSource::learned), gradient(ScaleSource::observed) / std::sqrt(50 * 7.0)));
}

TEST(LearnedScale, StaysPositive) {
  std::vector<at::Tensor> scales{at::tensor({-1.0f, 0.5f}), at::tensor(0.0f)};
  keep_positive_(scales);
  EXPECT_TRUE(scales[0].gt(0).all().item<bool>() && scales[1].gt(0).item<bool>());
  EXPECT_FLOAT_EQ(scales[0][1].item<float>(), 0.5f);
  keep_positive_({});
}

}  // namespace
}  // namespace compress::quant
