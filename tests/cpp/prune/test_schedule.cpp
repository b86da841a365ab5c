#include <gtest/gtest.h>

#include "compress/prune/schedule.h"

namespace compress::prune {
namespace {

TEST(SparsitySchedule, CubicFollowsZhuAndGupta) {
  const SparsitySchedule schedule{ScheduleType::cubic, 0.1, 0.9, 100, 300, 20};
  EXPECT_EQ(schedule.sparsity_at(99), 0.0);
  EXPECT_DOUBLE_EQ(schedule.sparsity_at(100), 0.1);
  EXPECT_DOUBLE_EQ(schedule.sparsity_at(200), 0.9 - 0.8 * 0.125);
  EXPECT_DOUBLE_EQ(schedule.sparsity_at(300), 0.9);
  EXPECT_DOUBLE_EQ(schedule.sparsity_at(10000), 0.9);
}

TEST(SparsitySchedule, CubicIsDueEveryFewStepsAndAtItsEnd) {
  const SparsitySchedule schedule{ScheduleType::cubic, 0.0, 0.9, 10, 55, 20};
  std::vector<int64_t> due;
  for (int64_t step = 0; step < 100; ++step) {
    if (schedule.due(step)) {
      due.push_back(step);
    }
  }
  EXPECT_EQ(due, (std::vector<int64_t>{10, 30, 50, 55}));
}

TEST(SparsitySchedule, CubicNeverFalls) {
  const SparsitySchedule schedule{ScheduleType::cubic, 0.0, 0.95, 3, 97, 7};
  for (int64_t step = 1; step < 120; ++step) {
    EXPECT_GE(schedule.sparsity_at(step), schedule.sparsity_at(step - 1));
  }
}

TEST(SparsitySchedule, ConstantIsDueOnce) {
  const SparsitySchedule schedule{ScheduleType::constant, 0.0, 0.5, 5, 0, 1};
  EXPECT_EQ(schedule.sparsity_at(4), 0.0);
  EXPECT_EQ(schedule.sparsity_at(5), 0.5);
  EXPECT_TRUE(schedule.due(5));
  EXPECT_FALSE(schedule.due(6));
}

TEST(SparsitySchedule, AnEmptyRampIsOneStep) {
  const SparsitySchedule schedule{ScheduleType::cubic, 0.0, 0.9, 5, 5, 1};
  EXPECT_TRUE(schedule.due(5));
  EXPECT_DOUBLE_EQ(schedule.sparsity_at(5), 0.9);
}

}  // namespace
}  // namespace compress::prune
