#pragma once

#include <algorithm>
#include <cstdint>

#include "compress/data/dataset.h"

namespace compress::data {

/// Calls fn(input float32 [B, C, H, W], target int64 [B]) for the whole data set in its order, nothing left out, at
/// most batch_size images at a time.
template <typename Function>
void for_each_batch(const Dataset& dataset, int64_t batch_size, Function&& fn) {
  TORCH_CHECK(batch_size > 0, "for_each_batch: batch_size must be 1 or more (got ", batch_size, ")");
  for (int64_t begin = 0; begin < dataset.size(); begin += batch_size) {
    const int64_t count = std::min(batch_size, dataset.size() - begin);
    fn(normalize(dataset.images.narrow(0, begin, count), dataset.normalization),
       dataset.targets.narrow(0, begin, count));
  }
}

}  // namespace compress::data
