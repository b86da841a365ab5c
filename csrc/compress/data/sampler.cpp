#include "compress/data/sampler.h"

#include <ATen/core/PhiloxRNGEngine.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "compress/core/error.h"

namespace compress::data {
namespace {

// Augmentation takes the subsequence of each image's position (see AugmentKey); the last one is left for the order.
constexpr uint64_t order_subsequence = std::numeric_limits<uint64_t>::max();
// Numbers are counted in blocks of four; an epoch may take 2^32 blocks.
constexpr int epoch_shift = 32;

}  // namespace

std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  at::Philox4_32 random(seed, order_subsequence, static_cast<uint64_t>(epoch) << epoch_shift);
  // Fisher-Yates. 64 random bits scaled to [0, remaining]: the bias is below size / 2^64.
  for (uint64_t last = order.size(); last-- > 1;) {
    const uint64_t high = random();
    const uint64_t bits = high << 32 | random();
    const auto chosen = static_cast<uint64_t>(static_cast<unsigned __int128>(bits) * (last + 1) >> 64);
    std::swap(order[last], order[chosen]);
  }
  return order;
}

BatchPlan::BatchPlan(int64_t size, int64_t batch_size, int64_t rank, int64_t world_size)
    : size_(size), batch_size_(batch_size), rank_(rank), world_size_(world_size) {
  check<UsageError>(batch_size > 0, "data.batch_size must be 1 or more (got ", batch_size, ")");
  check<UsageError>(world_size > 0 && rank >= 0 && rank < world_size, "rank must be in [0, ", world_size, ") (got ",
                    rank, ")");
  check<UsageError>(size >= world_size, "data: ", size, " images cannot be shared among ", world_size, " processes");
  const int64_t all = batch_size * world_size;
  const int64_t left = size % all;
  batches_ = size / all + (left >= world_size ? 1 : 0);
}

BatchPlan::Range BatchPlan::range(int64_t batch) const {
  const int64_t begin = batch * batch_size_ * world_size_;
  const int64_t share = std::min(batch_size_, (size_ - begin) / world_size_);
  return {begin + rank_ * share, begin + (rank_ + 1) * share};
}

}  // namespace compress::data
