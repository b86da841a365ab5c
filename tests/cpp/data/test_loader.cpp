#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "compress/core/error.h"
#include "compress/data/loader.h"
#include "core/temp_folder.h"

namespace compress::data {
namespace {

using test::error_of;
using testing::HasSubstr;

/// Image i is filled with i + 1, so that a batch tells which images it holds.
Dataset numbered(int64_t size) {
  const at::Tensor images =
      at::arange(1, size + 1, at::kByte).view({size, 1, 1, 1}).expand({size, 2, 4, 4}).contiguous();
  return {images, at::arange(size).remainder(7), 7, {1, {0.0, 0.0}, {1.0, 1.0}}};
}

LoaderOptions options_of(int64_t batch_size) {
  LoaderOptions options;
  options.batch_size = batch_size;
  options.augment = {1, true};
  options.seed = 11;
  return options;
}

std::vector<int64_t> numbers(const Batch& batch) {
  const at::Tensor largest = batch.input.flatten(1).amax(1).to(at::kLong) - 1;
  return {largest.const_data_ptr<int64_t>(), largest.const_data_ptr<int64_t>() + largest.numel()};
}

void expect_same(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.index, b.index);
  EXPECT_TRUE(at::equal(a.input, b.input));
  EXPECT_TRUE(at::equal(a.target, b.target));
}

TEST(Loader, EachEpochVisitsEveryImageOnceInAnOrderOfItsOwn) {
  Loader loader(numbered(23), options_of(5));
  ASSERT_EQ(loader.batches_per_epoch(), 5);
  std::set<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> order;
    for (int64_t index = 0; index < 5; ++index) {
      const Batch batch = loader.next();
      EXPECT_EQ(batch.epoch, epoch);
      EXPECT_EQ(batch.index, index);
      EXPECT_EQ(batch.input.sizes(), (std::vector<int64_t>{index < 4 ? 5 : 3, 2, 4, 4}));
      EXPECT_EQ(batch.input.scalar_type(), at::kFloat);
      for (const int64_t number : numbers(batch)) {
        EXPECT_EQ(batch.target[static_cast<int64_t>(order.size()) % 5].item<int64_t>(), number % 7);
        order.push_back(number);
      }
    }
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 23u);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 3u);
}

TEST(Loader, SeekGoesOnAsIfNeverStopped) {
  Loader whole(numbered(23), options_of(5));
  std::vector<Batch> batches;
  for (int i = 0; i < 15; ++i) {
    batches.push_back(whole.next());
  }
  for (int64_t start = 0; start < 14; ++start) {
    Loader resumed(numbered(23), options_of(5));
    resumed.seek(start / 5, start % 5);
    expect_same(resumed.next(), batches[static_cast<size_t>(start)]);
    expect_same(resumed.next(), batches[static_cast<size_t>(start) + 1]);
    // Also back and forth, with batches waiting.
    resumed.seek(0, 2);
    expect_same(resumed.next(), batches[2]);
  }
  whole.seek(0, 5);  // the end of an epoch is the start of the next
  expect_same(whole.next(), batches[5]);
}

TEST(Loader, SeedDecidesOrderAndAugmentation) {
  LoaderOptions other = options_of(16);
  other.seed = 12;
  Loader a(numbered(16), options_of(16)), b(numbered(16), options_of(16)), c(numbered(16), other);
  const Batch first = a.next();
  expect_same(first, b.next());
  EXPECT_FALSE(at::equal(first.input, c.next().input));
}

TEST(Loader, ProcessesTogetherAreOneProcessWithTheWholeBatch) {
  Loader whole(numbered(24), options_of(8));
  std::vector<std::unique_ptr<Loader>> parts;
  for (int64_t rank = 0; rank < 2; ++rank) {
    LoaderOptions options = options_of(4);
    options.rank = rank;
    options.world_size = 2;
    parts.push_back(std::make_unique<Loader>(numbered(24), options));
    ASSERT_EQ(parts.back()->batches_per_epoch(), whole.batches_per_epoch());
  }
  for (int i = 0; i < 6; ++i) {
    const Batch batch = whole.next();
    const Batch a = parts[0]->next();
    const Batch b = parts[1]->next();
    EXPECT_TRUE(at::equal(batch.input, at::cat({a.input, b.input})));
    EXPECT_TRUE(at::equal(batch.target, at::cat({a.target, b.target})));
  }
}

TEST(Loader, MicroBatchesTogetherAreTheBatch) {
  Loader whole(numbered(24), options_of(8)), micro(numbered(24), options_of(4));
  const Batch batch = whole.next();
  EXPECT_TRUE(at::equal(batch.input, at::cat({micro.next().input, micro.next().input})));
}

TEST(Loader, StopsAtAnyTime) {
  for (int taken = 0; taken < 5; ++taken) {
    Loader loader(numbered(50), options_of(2));
    for (int i = 0; i < taken; ++i) {
      loader.next();
    }
  }
}

// Without a GPU, pinning fails in the thread; with one, batches are pinned.
TEST(Loader, ExceptionsOfTheThreadReachTheCaller) {
  LoaderOptions options = options_of(2);
  options.pin_memory = true;
  Loader loader(numbered(4), options);
  if (at::hasCUDA() && at::globalContext().getAcceleratorHooksInterface().deviceCount() > 0) {
    EXPECT_TRUE(loader.next().input.is_pinned());
    return;
  }
  EXPECT_ANY_THROW(loader.next());
  EXPECT_ANY_THROW(loader.next());
  loader.seek(0, 0);
  EXPECT_ANY_THROW(loader.next());
}

TEST(Loader, SaysWhatIsWrong) {
  const auto error_for = [](const Dataset& dataset) {
    return error_of<Error>([&] { Loader(dataset, options_of(2)); });
  };
  Dataset dataset = numbered(4);
  dataset.targets = at::zeros({3}, at::kLong);
  EXPECT_THAT(error_for(dataset), HasSubstr("targets must be contiguous int64 [4] (got Long [3])"));
  dataset.images = dataset.images.to(at::kFloat);
  EXPECT_THAT(error_for(dataset), HasSubstr("images must be contiguous uint8 [N, C, H, W]"));
  EXPECT_THAT(error_for({}), HasSubstr("no images"));
  EXPECT_THAT(error_for({at::empty({0, 1, 2, 2}, at::kByte), at::empty({0}, at::kLong), 1, {}}),
              HasSubstr("the data set is empty"));
  Loader loader(numbered(4), options_of(2));
  EXPECT_THAT(error_of<UsageError>([&] { loader.seek(0, 3); }), HasSubstr("no batch 3 of epoch 0; an epoch has 2"));
  EXPECT_THAT(error_of<UsageError>([&] { loader.seek(-1, 0); }), HasSubstr("no batch 0 of epoch -1"));
}

}  // namespace
}  // namespace compress::data
