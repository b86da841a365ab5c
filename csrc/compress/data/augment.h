#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "compress/data/options.h"

namespace compress::data {

/// Where the random numbers of a batch begin. They are Philox numbers (Salmon et al. 2011) keyed by the seed and
/// counted by epoch and position, so what happens to an image does not depend on how an epoch is cut into batches or
/// shared among processes, nor on what ran before.
struct AugmentKey {
  uint64_t seed = 0;
  int64_t epoch = 0;
  int64_t first_position = 0;  ///< of the batch's first image in the order of the epoch
};

/// Images [N, C, H, W] (uint8 or float32, on the CPU), each mirrored with probability 1/2 and then moved by whole
/// pixels, dy and dx uniform in [-shift, shift]; zeros move in, so augment stored pixels, before they are normalised. A
/// new tensor, or `images` itself where the options ask for nothing. Runs on the calling thread alone: one pass over
/// the bytes.
at::Tensor augment(const at::Tensor& images, const AugmentOptions& options, const AugmentKey& key);

}  // namespace compress::data
