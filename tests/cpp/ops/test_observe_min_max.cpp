#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "compress/ops/observe_min_max.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

struct State {
  explicit State(at::IntArrayRef shape) : min(at::full(shape, infinity)), max(at::full(shape, -infinity)) {}
  at::Tensor min;
  at::Tensor max;
};

TEST(ObserveMinMax, EveryDtypeLengthAndGranularityOnEveryInstructionSet) {
  for_each_isa([] {
    for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      for (const int64_t length : {1, 7, 8, 17, 33, 64, 65, 130}) {
        at::manual_seed(length);
        const int64_t count = length % 2 == 0 ? 4 : 11;
        const at::Tensor x = at::randn({count, length}).to(dtype);
        const at::Tensor exact = x.to(at::kFloat);
        State tensor({});
        observe_min_max_(tensor.min, tensor.max, x, 0);
        EXPECT_TRUE(at::equal(tensor.min, exact.min()) && at::equal(tensor.max, exact.max())) << dtype << length;
        State rows({count, 1});
        observe_min_max_(rows.min, rows.max, x, 0);
        EXPECT_TRUE(at::equal(rows.min, exact.amin({1}, true)) && at::equal(rows.max, exact.amax({1}, true)));
        State columns({1, length});
        observe_min_max_(columns.min, columns.max, x, 0);
        EXPECT_TRUE(at::equal(columns.min, exact.amin({0}, true)) && at::equal(columns.max, exact.amax({0}, true)));
      }
    }
  });
}

// Groups of every vector's width and around it, as many as vectors have lanes and around that; signed zeros, infinities
// and NaN of both signs among them.
TEST(ObserveMinMax, GroupsOnEveryInstructionSet) {
  for_each_isa([] {
    for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      for (const int64_t length : {1, 4, 8, 12, 16, 32, 48, 64, 96}) {
        for (const int64_t groups : {1, 3, 31, 70, 300}) {
          at::manual_seed(groups);
          at::Tensor x = at::randn({2, groups, length}).to(dtype);
          x[0][groups / 2][length / 2] = infinity;
          x[1][groups / 2][length - 1] = -infinity;
          x[1][0] = -0.0;
          x[0][groups - 1][0] = std::numeric_limits<float>::quiet_NaN();
          x[1][groups - 1][length / 2] = -std::numeric_limits<float>::quiet_NaN();
          const at::Tensor exact = x.to(at::kFloat);
          for (const double averaging : {0.0, 0.25}) {
            State state({2, groups});
            observe_min_max_(state.min, state.max, x.view({2, -1}), averaging);
            EXPECT_TRUE(at::allclose(state.min, exact.amin({2}), 0, 0, /*equal_nan=*/true)) << dtype << length;
            EXPECT_TRUE(at::allclose(state.max, exact.amax({2}), 0, 0, /*equal_nan=*/true)) << dtype << length;
            EXPECT_TRUE(groups == 1 || at::signbit(state.max[1][0]).item<bool>());
          }
        }
      }
    }
  });
}

TEST(ObserveMinMax, StatesOfManyGroupsAverageAsOne) {
  for_each_isa([] {
    for (const auto dtype : {at::kFloat, at::kHalf}) {
      at::manual_seed(0);
      const at::Tensor first = at::randn({600, 32}).to(dtype);
      const at::Tensor second = at::randn({600, 32}).to(dtype);
      State all({600, 1});
      observe_min_max_(all.min, all.max, first, 0.25);
      observe_min_max_(all.min, all.max, second, 0.25);
      for (const int64_t row : {0, 255, 256, 599}) {
        State one({});
        observe_min_max_(one.min, one.max, first[row], 0.25);
        observe_min_max_(one.min, one.max, second[row], 0.25);
        EXPECT_TRUE(at::equal(all.min[row][0], one.min) && at::equal(all.max[row][0], one.max)) << dtype << row;
      }
    }
  });
}

TEST(ObserveMinMax, TakesTheFirstBatchThenAverages) {
  State state({});
  observe_min_max_(state.min, state.max, at::tensor({-1.0f, 4.0f}), 0.25);
  EXPECT_EQ(state.min.item<float>(), -1.0f);
  observe_min_max_(state.min, state.max, at::tensor({-5.0f, 0.0f}), 0.25);
  EXPECT_EQ(state.min.item<float>(), -2.0f);
  EXPECT_EQ(state.max.item<float>(), 3.0f);
}

TEST(ObserveMinMax, NanIsSeenAndEmptyChangesNothing) {
  State state({2, 1});
  observe_min_max_(state.min, state.max, at::empty({2, 0}), 0);
  EXPECT_EQ(state.min[0].item<float>(), infinity);
  observe_min_max_(state.min, state.max,
                   at::tensor({1.0f, 2.0f, std::numeric_limits<float>::quiet_NaN(), 3.0f}).view({2, 2}), 0);
  EXPECT_EQ(state.max[0].item<float>(), 2.0f);
  EXPECT_TRUE(state.min[1].isnan().item<bool>() && state.max[1].isnan().item<bool>());
}

TEST(ObserveMinMax, WrongArgumentsSayWhatIsWrong) {
  State state({});
  State three({3, 1});
  const at::Tensor x = at::ones({4, 6});
  EXPECT_THROW(observe_min_max_(state.min, state.max, x, 1.5), c10::Error);
  EXPECT_THROW(observe_min_max_(state.min, three.max, x, 0), c10::Error);
  EXPECT_THROW(observe_min_max_(three.min, three.max, x, 0), c10::Error);
  EXPECT_THROW(observe_min_max_(state.min, state.max, x.to(at::kInt), 0), c10::Error);
}

}  // namespace
}  // namespace compress
