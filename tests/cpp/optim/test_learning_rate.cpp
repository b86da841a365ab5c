#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compress/core/error.h"
#include "compress/optim/learning_rate.h"
#include "core/temp_folder.h"

namespace compress::optim {
namespace {

constexpr RunLength run{100, 10};
constexpr double pi = 3.14159265358979323846;

LearningRateOptions options_of(Decay decay, double warmup) {
  LearningRateOptions options;
  options.decay = decay;
  options.warmup = Duration::steps(warmup);
  return options;
}

TEST(LearningRate, ConstantStays) {
  for (const int64_t step : {0, 1, 50, 99, 100, 1000}) {
    EXPECT_EQ(learning_rate(options_of(Decay::constant, 0), 0.3, step, run), 0.3);
  }
}

TEST(LearningRate, WarmUpRisesInALineToTheFullRate) {
  for (const Decay decay : {Decay::constant, Decay::cosine, Decay::step}) {
    const LearningRateOptions options = options_of(decay, 4);
    EXPECT_DOUBLE_EQ(learning_rate(options, 0.1, 0, run), 0.025);
    EXPECT_DOUBLE_EQ(learning_rate(options, 0.1, 1, run), 0.05);
    EXPECT_DOUBLE_EQ(learning_rate(options, 0.1, 3, run), 0.1);
    EXPECT_DOUBLE_EQ(learning_rate(options, 0.1, 4, run), 0.1);
  }
  // One step of warm-up has the full rate already; one that is never over only rises.
  EXPECT_EQ(learning_rate(options_of(Decay::constant, 1), 0.1, 0, run), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(options_of(Decay::cosine, 200), 0.1, 99, run), 0.05);
}

// torch.optim.lr_scheduler.LinearLR(start_factor=1/5, total_iters=4), chainable form, then CosineAnnealingLR(T_max=95,
// eta_min=0.02), recursive form, at the milestone 5.
TEST(LearningRate, CosineFollowsTorch) {
  LearningRateOptions options = options_of(Decay::cosine, 5);
  options.final_fraction = 0.1;
  const double base = 0.2, eta_min = 0.02, start = 1.0 / 5;
  double linear = base * start;
  double annealed = base;
  for (int64_t step = 0; step < 100; ++step) {
    if (step > 0 && step < 5) {
      linear *= 1 + (1 - start) / (4 * start + static_cast<double>(step - 1) * (1 - start));
    }
    const auto t = static_cast<double>(step - 5);
    if (t > 0) {
      annealed = (1 + std::cos(pi * t / 95)) / (1 + std::cos(pi * (t - 1) / 95)) * (annealed - eta_min) + eta_min;
    }
    // The recursion adds up a rounding for each step.
    EXPECT_NEAR(learning_rate(options, base, step, run), step < 5 ? linear : annealed, 1e-13) << step;
  }
}

TEST(LearningRate, CosineEndsAtItsFraction) {
  LearningRateOptions options = options_of(Decay::cosine, 4);
  EXPECT_DOUBLE_EQ(learning_rate(options, 0.1, 52, run), 0.05);
  EXPECT_NEAR(learning_rate(options, 0.1, 99, run), 0.00003, 0.000005);  // the header's example
  EXPECT_EQ(learning_rate(options, 0.1, 100, run), 0.0);
  options.final_fraction = 0.25;
  EXPECT_EQ(learning_rate(options, 0.1, 100, run), 0.025);
  EXPECT_EQ(learning_rate(options, 0.1, 1000, run), 0.025);
  options.final_fraction = 1;
  EXPECT_DOUBLE_EQ(learning_rate(options, 0.1, 70, run), 0.1);
}

TEST(LearningRate, StepFallsAfterEveryInterval) {
  LearningRateOptions options = options_of(Decay::step, 0);
  options.every = Duration::percent(30);
  options.factor = 0.1;
  EXPECT_EQ(learning_rate(options, 1.0, 29, run), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1.0, 30, run), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1.0, 59, run), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1.0, 99, run), 0.001);
  options.every = Duration::epochs(2);
  options.factor = 0.5;
  options.warmup = Duration::epochs(1);  // intervals begin after it
  EXPECT_DOUBLE_EQ(learning_rate(options, 1.0, 29, run), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1.0, 30, run), 0.5);
  options.every = Duration::percent(0.1);
  EXPECT_THAT(test::error_of<UsageError>([&] { learning_rate(options, 1.0, 50, run); }),
              testing::HasSubstr("learning_rate.every: 0.1% of this run is less than one step"));
}

}  // namespace
}  // namespace compress::optim
