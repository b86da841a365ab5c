#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "compress/ops/magnitude_mask.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

at::Tensor expected(const at::Tensor& weight, float threshold) {
  return pack_mask((weight.to(at::kDouble).abs() <= static_cast<double>(threshold)).logical_not());
}

TEST(MagnitudeMask, EqualsTheComparisonInEveryDtypeAndLengthOnEveryInstructionSet) {
  for_each_isa([] {
    for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      for (const int64_t length : {1, 7, 8, 9, 15, 31, 33, 63, 64, 65, 127, 129, 200}) {
        at::manual_seed(length);
        const at::Tensor weight = at::randn({3, length}).to(dtype);
        for (const float threshold : {-1.0f, 0.0f, 0.4f, 2.0f, std::numeric_limits<float>::infinity()}) {
          EXPECT_TRUE(at::equal(magnitude_mask(weight, at::full({}, threshold)), expected(weight, threshold)))
              << dtype << " " << length << " " << threshold;
        }
      }
    }
  });
}

TEST(MagnitudeMask, PrunesTiesAndKeepsNan) {
  const at::Tensor weight = at::tensor({0.5f, -0.5f, 0.75f, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(magnitude_mask(weight, at::full({}, 0.5f)).item<uint8_t>(), 0b1100);
  EXPECT_EQ(magnitude_mask(weight, at::full({}, std::numeric_limits<float>::quiet_NaN())).item<uint8_t>(), 0b1111);
}

TEST(MagnitudeMask, WrongArgumentsSayWhatIsWrong) {
  EXPECT_THROW(magnitude_mask(at::ones({3}, at::kInt), at::full({}, 0.5f)), c10::Error);
  EXPECT_THROW(magnitude_mask(at::ones({3}), at::ones({2})), c10::Error);
  EXPECT_THROW(magnitude_mask(at::ones({3}), at::ones({}, at::kDouble)), c10::Error);
}

}  // namespace
}  // namespace compress
