#include <gtest/gtest.h>

#include <map>
#include <set>

#include "compress/data/augment.h"

namespace compress::data {
namespace {

using torch::indexing::Slice;

at::Tensor images(int64_t count, int64_t channels = 1, int64_t height = 4, int64_t width = 5) {
  // No zeros inside: zeros mark what moved in.
  return at::randint(1, 256, {count, channels, height, width}, at::kByte);
}

/// By torch's own operators: mirror, pad all round, cut out.
at::Tensor moved(const at::Tensor& image, int64_t dy, int64_t dx, bool flip, int64_t shift) {
  const at::Tensor mirrored = flip ? image.flip({2}) : image;
  const at::Tensor padded = at::constant_pad_nd(mirrored, {shift, shift, shift, shift});
  return padded.index(
      {Slice(), Slice(shift - dy, shift - dy + image.size(1)), Slice(shift - dx, shift - dx + image.size(2))});
}

/// Which of all moves made `out`; each is possible only once since random images have no symmetry.
std::tuple<int64_t, int64_t, bool> find_move(const at::Tensor& in, const at::Tensor& out,
                                             const AugmentOptions& options) {
  for (int64_t dy = -options.shift; dy <= options.shift; ++dy) {
    for (int64_t dx = -options.shift; dx <= options.shift; ++dx) {
      for (const bool flip : {false, true}) {
        if (at::equal(out, moved(in, dy, dx, flip, options.shift))) {
          return {dy, dx, flip};
        }
      }
    }
  }
  ADD_FAILURE() << "not a shift or flip of the image";
  return {99, 99, false};
}

TEST(Augment, NothingAskedIsTheSameTensor) {
  const at::Tensor batch = images(3);
  EXPECT_TRUE(augment(batch, {}, {}).is_same(batch));
}

TEST(Augment, EveryImageIsShiftedAndFlippedByItself) {
  const AugmentOptions options{2, true};
  const at::Tensor batch = images(600, 2);
  const at::Tensor result = augment(batch, options, {7, 3, 0});
  std::map<std::tuple<int64_t, int64_t, bool>, int> counts;
  for (int64_t i = 0; i < batch.size(0); ++i) {
    ++counts[find_move(batch[i], result[i], options)];
  }
  // 5 x 5 x 2 moves, each expected 12 times: with a fixed seed this is certain, and with others likely at 10 sigma.
  EXPECT_EQ(counts.size(), 50u);
  for (const auto& [move, count] : counts) {
    EXPECT_LE(count, 12 + 35);
  }
}

TEST(Augment, ShiftAloneNeverFlipsAndFlipAloneNeverShifts) {
  const at::Tensor batch = images(100);
  const at::Tensor shifted = augment(batch, {1, false}, {1, 0, 0});
  const at::Tensor flipped = augment(batch, {0, true}, {1, 0, 0});
  std::set<bool> flips;
  for (int64_t i = 0; i < batch.size(0); ++i) {
    EXPECT_FALSE(std::get<2>(find_move(batch[i], shifted[i], {1, true})));
    flips.insert(std::get<2>(find_move(batch[i], flipped[i], {0, true})));
  }
  EXPECT_EQ(flips.size(), 2u);
}

TEST(Augment, DependsOnSeedEpochAndPositionAlone) {
  const AugmentOptions options{2, true};
  const at::Tensor batch = images(64);
  const at::Tensor result = augment(batch, options, {7, 3, 128});
  EXPECT_TRUE(at::equal(result, augment(batch, options, {7, 3, 128})));
  EXPECT_FALSE(at::equal(result, augment(batch, options, {8, 3, 128})));
  EXPECT_FALSE(at::equal(result, augment(batch, options, {7, 4, 128})));
  EXPECT_FALSE(at::equal(result, augment(batch, options, {7, 3, 192})));
  // However the epoch is cut.
  EXPECT_TRUE(at::equal(result.slice(0, 24), augment(batch.slice(0, 24), options, {7, 3, 128 + 24})));
}

TEST(Augment, FloatsMoveAsBytesDo) {
  const AugmentOptions options{3, true};
  const at::Tensor batch = images(32, 3, 6, 6);
  const at::Tensor bytes = augment(batch, options, {1, 2, 3});
  EXPECT_TRUE(at::equal(bytes.to(at::kFloat), augment(batch.to(at::kFloat), options, {1, 2, 3})));
  const at::Tensor strided = batch.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(at::equal(bytes, augment(strided, options, {1, 2, 3})));
}

TEST(Augment, ShiftsBeyondTheImageLeaveZeros) {
  const at::Tensor batch = images(200, 1, 2, 3);
  const AugmentOptions options{5, true};
  const at::Tensor result = augment(batch, options, {1, 0, 0});
  int64_t empty = 0;
  for (int64_t i = 0; i < batch.size(0); ++i) {
    if (!result[i].any().item<bool>()) {
      ++empty;
    } else {
      find_move(batch[i], result[i], options);
    }
  }
  EXPECT_GT(empty, 0);
  EXPECT_EQ(augment(batch.narrow(0, 0, 0), options, {}).sizes(), (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(Augment, RejectsWhatItCannotMove) {
  EXPECT_THROW(augment(at::zeros({3, 4, 4}), {1, false}, {}), c10::Error);
  EXPECT_THROW(augment(at::zeros({1, 3, 4, 4}, at::kInt), {1, false}, {}), c10::Error);
  EXPECT_THROW(augment(at::zeros({1, 3, 4, 4}), {-1, false}, {}), c10::Error);
}

}  // namespace
}  // namespace compress::data
