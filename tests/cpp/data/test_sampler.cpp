#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "compress/core/error.h"
#include "compress/data/sampler.h"
#include "core/temp_folder.h"

namespace compress::data {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(EpochOrder, IsAPermutation) {
  for (const int64_t size : {0, 1, 2, 3, 100}) {
    std::vector<int64_t> order = epoch_order(size, 5, 2);
    std::sort(order.begin(), order.end());
    for (int64_t i = 0; i < size; ++i) {
      ASSERT_EQ(order[static_cast<size_t>(i)], i);
    }
  }
}

TEST(EpochOrder, DependsOnSeedAndEpoch) {
  const auto order = epoch_order(100, 5, 2);
  EXPECT_EQ(order, epoch_order(100, 5, 2));
  EXPECT_NE(order, epoch_order(100, 6, 2));
  EXPECT_NE(order, epoch_order(100, 5 + (uint64_t{1} << 32), 2));  // all 64 bits of the seed count
  EXPECT_NE(order, epoch_order(100, 5, 3));
}

// A run that was stopped with one version must go on with the next: this order is part of the checkpoint's meaning.
TEST(EpochOrder, StaysWhatItIs) {
  EXPECT_THAT(epoch_order(8, 0, 0), ElementsAre(0, 7, 2, 3, 5, 4, 1, 6));
}

TEST(EpochOrder, EveryPermutationIsAboutAsLikely) {
  std::map<std::vector<int64_t>, int> counts;
  for (int64_t epoch = 0; epoch < 2400; ++epoch) {
    ++counts[epoch_order(4, 1, epoch)];
  }
  EXPECT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) {
    EXPECT_NEAR(count, 100, 50);  // five standard deviations
  }
}

TEST(BatchPlan, LastBatchIsShort) {
  const BatchPlan plan(10, 4);
  ASSERT_EQ(plan.batches(), 3);
  EXPECT_EQ(plan.range(1).begin, 4);
  EXPECT_EQ(plan.range(1).end, 8);
  EXPECT_EQ(plan.range(2).begin, 8);
  EXPECT_EQ(plan.range(2).end, 10);
  EXPECT_EQ(BatchPlan(8, 4).batches(), 2);
  EXPECT_EQ(BatchPlan(3, 64).batches(), 1);
}

TEST(BatchPlan, ProcessesShareWithoutOverlap) {
  for (const int64_t size : {8, 9, 23, 24, 25, 100, 101}) {
    for (const int64_t world_size : {1, 2, 3, 8}) {
      const int64_t batches = BatchPlan(size, 4, 0, world_size).batches();
      int64_t next = 0;
      for (int64_t batch = 0; batch < batches; ++batch) {
        const auto first = BatchPlan(size, 4, 0, world_size).range(batch);
        for (int64_t rank = 0; rank < world_size; ++rank) {
          const BatchPlan plan(size, 4, rank, world_size);
          ASSERT_EQ(plan.batches(), batches);
          const auto [begin, end] = plan.range(batch);
          ASSERT_EQ(begin, next);
          ASSERT_GT(end, begin);
          ASSERT_LE(end - begin, 4);
          ASSERT_EQ(end - begin, first.end - first.begin);
          next = end;
        }
      }
      EXPECT_LE(next, size);
      EXPECT_LT(size - next, world_size) << size << " images, " << world_size << " processes";
    }
  }
}

TEST(BatchPlan, SaysWhatIsWrong) {
  EXPECT_THAT(error_of<UsageError>([] { BatchPlan(10, 0); }), HasSubstr("data.batch_size must be 1 or more (got 0)"));
  EXPECT_THAT(error_of<UsageError>([] { BatchPlan(10, 1, 2, 2); }), HasSubstr("rank must be in [0, 2) (got 2)"));
  EXPECT_THAT(error_of<UsageError>([] { BatchPlan(3, 1, 0, 4); }),
              HasSubstr("3 images cannot be shared among 4 processes"));
}

}  // namespace
}  // namespace compress::data
