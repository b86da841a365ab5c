#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "compress/ops/cpu/work_list.h"

namespace compress::cpu {
namespace {

TEST(WorkList, EveryItemIsInExactlyOneRange) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    WorkList work;
    std::vector<std::vector<std::atomic<int>>> visits;
    for (int tensor = 0; tensor < round; ++tensor) {
      const int64_t items = random() % 40 * (random() % 3);
      visits.emplace_back(items);
      work.add(items, 1 + random() % 100);
    }
    const int64_t grain = 1 + random() % 500;
    work.parallel(grain, [&](size_t tensor, int64_t begin, int64_t end) {
      ASSERT_LT(begin, end);
      for (int64_t item = begin; item < end; ++item) {
        ++visits[tensor][item];
      }
    });
    for (const auto& tensor : visits) {
      for (const auto& count : tensor) {
        ASSERT_EQ(count, 1);
      }
    }
  }
}

}  // namespace
}  // namespace compress::cpu
