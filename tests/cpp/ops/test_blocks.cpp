#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "compress/ops/blocks.h"
#include "compress/ops/percentile.h"

namespace compress {
namespace {

TEST(Blocks, GatherWhatSharesAScale) {
  const at::Tensor x = at::arange(24).view({2, 12});
  EXPECT_TRUE(at::equal(as_blocks(x, {2, 3}), x.view({6, 4})));
  EXPECT_TRUE(at::equal(as_blocks(x, {1, 12}), x.t()));
  EXPECT_TRUE(at::equal(as_blocks(x, {}), x.view({1, 24})));
  EXPECT_TRUE(at::equal(as_blocks(x, {1}), x.view({1, 24})));
  const at::Tensor image = at::randn({2, 3, 4, 5});
  EXPECT_TRUE(at::equal(as_blocks(image, {1, 3, 1, 1}), image.permute({1, 0, 2, 3}).reshape({3, 40})));
}

TEST(Percentile, HundredIsMinAndMax) {
  const at::Tensor x = at::randn({3, 50});
  EXPECT_TRUE(at::equal(percentile_ranges(x, {3, 1}, 100), at::stack({x.amin(1), x.amax(1)}, 1)));
}

TEST(Percentile, IsTheKthOfNRoundedUp) {
  const at::Tensor x = at::arange(200).to(at::kHalf);
  EXPECT_TRUE(at::equal(percentile_ranges(x, {}, 99), at::tensor({2.0f, 197.0f}).view({1, 2})));
}

}  // namespace
}  // namespace compress
