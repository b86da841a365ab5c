#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "compress/ops/pack_mask.h"
#include "compress/ops/unpack_mask.h"

namespace compress {
namespace {

TEST(PackMask, LowestBitIsTheFirstElementAndEachRowStartsAByte) {
  const at::Tensor mask = at::zeros({2, 10}, at::kBool);
  mask.index_put_({at::tensor({0, 0, 1, 1}), at::tensor({0, 9, 3, 8})}, at::ones({}, at::kBool));
  const at::Tensor packed = pack_mask(mask);
  EXPECT_TRUE(at::equal(packed, at::tensor({1, 2, 8, 1}, at::kByte).view({2, 2}))) << packed;
}

TEST(PackMask, UnpackUndoesItForEveryShape) {
  at::manual_seed(0);
  const std::vector<std::vector<int64_t>> shapes = {{},     {0},    {1},    {19},   {3, 0},
                                                    {0, 5}, {4, 1}, {5, 7}, {6, 8}, {3, 2, 3, 3}};
  for (const auto& shape : shapes) {
    const at::Tensor mask = at::rand(shape) > 0.5;
    EXPECT_TRUE(at::equal(unpack_mask(pack_mask(mask), shape), mask)) << at::IntArrayRef(shape);
  }
}

TEST(PackMask, RowsArePackedAloneSoThatTheMaskShards) {
  at::manual_seed(1);
  const at::Tensor mask = at::rand({6, 13}) > 0.5;
  EXPECT_TRUE(at::equal(pack_mask(mask).slice(0, 2, 5), pack_mask(mask.slice(0, 2, 5))));
}

TEST(PackMask, MetaTensorsGetTheShape) {
  const at::Tensor packed = pack_mask(at::empty({6, 3, 3}, at::device(at::kMeta).dtype(at::kBool)));
  EXPECT_EQ(packed.sizes(), at::IntArrayRef({6, 2}));
  EXPECT_EQ(unpack_mask(packed, {6, 3, 3}).scalar_type(), at::kBool);
}

TEST(PackMask, WrongArgumentsSayWhatIsWrong) {
  EXPECT_THROW(pack_mask(at::ones({3})), c10::Error);
  EXPECT_THROW(unpack_mask(at::zeros({2}, at::kByte), {17}), c10::Error);
  EXPECT_THROW(unpack_mask(at::zeros({1}, at::kBool), {8}), c10::Error);
}

}  // namespace
}  // namespace compress
