#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compress/core/block_geometry.h"

namespace compress {
namespace {

using Sizes = std::vector<int64_t>;

BlockGeometry geometry_of(const Sizes& x, const Sizes& scale, const char** error) {
  return make_block_geometry(x.data(), static_cast<int>(x.size()), scale.data(), static_cast<int>(scale.size()), error);
}

// The definition, element by element: decode the position, divide by the block, encode in the scale's shape.
int64_t scale_index_by_definition(const Sizes& x, const Sizes& scale, int64_t element) {
  if (scale.empty()) {
    return 0;
  }
  int64_t index = 0;
  int64_t stride = 1;
  for (int d = static_cast<int>(x.size()) - 1; d >= 0; --d) {
    index += element % x[d] / (x[d] / scale[d]) * stride;
    element /= x[d];
    stride *= scale[d];
  }
  return index;
}

struct Case {
  Sizes x;
  Sizes scale;
};

const std::vector<Case> cases = {
    {{7}, {}},
    {{7}, {1}},
    {{7}, {7}},
    {{6}, {3}},
    {{5, 8}, {5, 1}},
    {{5, 8}, {1, 8}},
    {{5, 8}, {1, 1}},
    {{5, 8}, {5, 8}},
    {{5, 8}, {5, 2}},
    {{6, 8}, {3, 2}},
    {{6, 8}, {3, 1}},
    {{6, 8}, {3, 8}},
    {{6, 8}, {1, 4}},
    {{1, 8}, {1, 4}},
    {{8, 1}, {4, 1}},
    {{2, 3, 4, 5}, {1, 3, 1, 1}},
    {{2, 3, 4, 5}, {2, 3, 1, 1}},
    {{2, 3, 4, 5}, {2, 1, 1, 5}},
    {{2, 3, 4, 5}, {1, 3, 1, 5}},
    {{4, 3, 4, 6}, {2, 3, 2, 3}},
    {{4, 6, 1, 9}, {1, 3, 1, 9}},
    {{1, 1, 1}, {1, 1, 1}},
    {{}, {}},
};

class BlockGeometryTest : public testing::TestWithParam<Case> {};

TEST_P(BlockGeometryTest, EveryElementFindsItsScale) {
  const auto& [x, scale] = GetParam();
  const char* error = nullptr;
  const BlockGeometry geometry = geometry_of(x, scale, &error);
  ASSERT_EQ(error, nullptr);
  int64_t elements = 1;
  for (const int64_t size : x) {
    elements *= size;
  }
  ASSERT_EQ(geometry.elements(), elements);
  for (int64_t e = 0; e < elements; ++e) {
    const int64_t found =
        geometry.first_scale(e / geometry.segment_length) + e % geometry.segment_length * geometry.scale_step;
    ASSERT_EQ(found, scale_index_by_definition(x, scale, e)) << "element " << e;
  }
}

TEST_P(BlockGeometryTest, SegmentsOfAScaleAreItsSegmentsInOrder) {
  const auto& [x, scale] = GetParam();
  const char* error = nullptr;
  const BlockGeometry geometry = geometry_of(x, scale, &error);
  std::vector<int64_t> taken(geometry.scale_count, 0);
  for (int64_t segment = 0; segment < geometry.segments; ++segment) {
    const int64_t first = geometry.first_scale(segment);
    EXPECT_EQ(geometry.segment_of(first, taken[first]++), segment);
  }
  for (const int64_t count : taken) {
    EXPECT_TRUE(count == 0 || count == geometry.segments_per_scale());
  }
}

INSTANTIATE_TEST_SUITE_P(Granularities, BlockGeometryTest, testing::ValuesIn(cases));

TEST(BlockGeometry, PerTensorIsOneRun) {
  const char* error = nullptr;
  const BlockGeometry geometry = geometry_of({4, 5}, {}, &error);
  EXPECT_EQ(geometry.segments, 1);
  EXPECT_EQ(geometry.segment_length, 20);
  EXPECT_TRUE(geometry.one_to_one);
}

TEST(BlockGeometry, RefusesShapesThatDoNotDivide) {
  for (const Case& wrong : std::vector<Case>{{{4, 5}, {3, 1}}, {{4, 5}, {8, 1}}, {{4, 5}, {4}}, {{4}, {0}}}) {
    const char* error = nullptr;
    geometry_of(wrong.x, wrong.scale, &error);
    EXPECT_NE(error, nullptr);
  }
}

TEST(BlockGeometry, EmptyTensorHasNoElements) {
  const char* error = nullptr;
  EXPECT_EQ(geometry_of({0, 5}, {1, 5}, &error).elements(), 0);
  EXPECT_EQ(error, nullptr);
  EXPECT_EQ(geometry_of({4, 0}, {4, 1}, &error).elements(), 0);
  EXPECT_EQ(error, nullptr);
}

}  // namespace
}  // namespace compress
