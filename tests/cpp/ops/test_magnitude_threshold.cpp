#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compress/ops/magnitude_threshold.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

double by_sorting(const std::vector<at::Tensor>& weights, double sparsity) {
  std::vector<at::Tensor> magnitudes;
  for (const at::Tensor& weight : weights) {
    magnitudes.push_back(weight.reshape({-1}).to(at::kDouble).abs());
  }
  const at::Tensor sorted = std::get<0>(at::cat(magnitudes).sort());
  const int64_t rank = std::llround(sparsity * static_cast<double>(sorted.numel()));
  return rank == 0 ? -1.0 : sorted[rank - 1].item<double>();
}

TEST(MagnitudeThreshold, EqualsSortingInEveryDtypeOnEveryInstructionSet) {
  at::manual_seed(0);
  const std::vector<at::Tensor> weights = {at::randn({64, 65}), at::randn({10}) * 0.1, at::randn({}),
                                           at::randn({0, 3}),   at::zeros({129}),      at::randn({9, 5, 3, 3}) * 3};
  for_each_isa([&] {
    for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
      std::vector<at::Tensor> converted;
      for (const at::Tensor& weight : weights) {
        converted.push_back(weight.to(dtype));  // float64 holds float32 values here, so that nothing is rounded up
      }
      for (const double sparsity : {0.0, 0.01, 0.02, 0.5, 0.9, 0.999, 1.0}) {
        EXPECT_EQ(magnitude_threshold(converted, sparsity).item<double>(), by_sorting(converted, sparsity))
            << dtype << " " << sparsity;
      }
    }
  });
}

// Long enough for a sample to say which magnitudes are looked at closely. Half of the weights are 0, so that ranks fall
// among equal magnitudes, beside them and at both ends.
TEST(MagnitudeThreshold, EqualsSortingOfMillionsOnEveryInstructionSet) {
  at::manual_seed(0);
  const at::Tensor normal = at::randn({(1 << 21) + 4321});
  normal.slice(0, 0, normal.numel(), 2).zero_();
  normal[77] = -std::numeric_limits<float>::infinity();
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor weight = normal.to(dtype);
    const at::Tensor sorted = std::get<0>(weight.to(at::kFloat).abs().sort());
    const std::vector<at::Tensor> weights = {weight.slice(0, 0, 1001), weight.slice(0, 1001, 1 << 20),
                                             weight.slice(0, 1 << 20)};
    for_each_isa([&] {
      for (const double sparsity : {1e-6, 0.3, 0.5001, 0.9, 1.0}) {
        const int64_t rank = std::llround(sparsity * static_cast<double>(sorted.numel()));
        EXPECT_EQ(magnitude_threshold(weights, sparsity).item<float>(), sorted[rank - 1].item<float>())
            << dtype << " " << sparsity;
      }
    });
  }
}

TEST(MagnitudeThreshold, Float64IsRoundedUp) {
  const at::Tensor weight = at::tensor({1.0, 1.0 + 1e-12, 2.0}, at::kDouble);
  EXPECT_EQ(magnitude_threshold({weight}, 1.0 / 3).item<float>(), 1.0f);
  EXPECT_EQ(magnitude_threshold({weight}, 2.0 / 3).item<float>(), std::nextafter(1.0f, 2.0f));
}

TEST(MagnitudeThreshold, NanIsTheLargest) {
  const at::Tensor weight =
      at::tensor({-std::numeric_limits<float>::quiet_NaN(), 1.0f, std::numeric_limits<float>::infinity()});
  EXPECT_EQ(magnitude_threshold({weight}, 2.0 / 3).item<float>(), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(magnitude_threshold({weight}, 1.0).item<float>()));
}

TEST(MagnitudeThreshold, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor weight = at::ones({3});
  EXPECT_THROW(magnitude_threshold({}, 0.5), c10::Error);
  EXPECT_THROW(magnitude_threshold({weight}, 1.5), c10::Error);
  EXPECT_THROW(magnitude_threshold({weight, weight.to(at::kHalf)}, 0.5), c10::Error);
}

}  // namespace
}  // namespace compress
