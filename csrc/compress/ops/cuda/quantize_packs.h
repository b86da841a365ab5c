#pragma once

#include <cstdint>

#include "compress/ops/cuda/byte_of_lanes.h"
#include "compress/ops/cuda/pack_forward.h"
#include "compress/ops/cuda/quantize_run.h"

// For .cu files: the forward pass of PackForward.

namespace compress::cuda {

template <typename Scalar, int count>
struct ForwardPack {
  Pack<Scalar, count> values;
  unsigned mask;
};

/// The elements behind the last whole byte, at most seven, by eight lanes of the first block. grid_of_run(run) is a
/// run's grid.
template <typename Scalar, typename GridOfRun>
__device__ __forceinline__ void quantize_rest(const PackForward& work, const BlockRange& at,
                                              const GridOfRun& grid_of_run) {
  const int64_t rest = work.elements / 8 * 8;
  if (at.block != 0 || rest == work.elements || threadIdx.x >= warp_threads) {
    return;
  }
  const int64_t element = rest + threadIdx.x;
  unsigned bit = 0;
  if (element < work.elements) {
    Pack<Scalar, 1> value = {static_cast<const Scalar*>(work.x)[element]};
    const AffineGrid grid = grid_of_run(work.run_of_element(element));
    bit = quantize(value, MaskBits::kept(work.mask.load<1>(element), element), [&](int) { return grid; });
    static_cast<Scalar*>(work.y)[element] = value.values[0];
  }
  bit = byte_of_lanes<1>(bit);
  if (work.clip_mask != nullptr && threadIdx.x == 0) {
    work.clip_mask[rest / 8] = static_cast<uint8_t>(bit);
  }
}

template <typename Scalar, int count, bool clips, typename GridOfRun>
__device__ __forceinline__ void quantize_packs(const PackForward& work, const BlockRange& at,
                                               const GridOfRun& grid_of_run) {
  const Scalar* x = static_cast<const Scalar*>(work.x);
  Scalar* y = static_cast<Scalar*>(work.y);
  int64_t known_run = -1;
  AffineGrid grid;
  over_tiles<PackForward::at_once>(
      at, work.elements / 8 * (8 / count),
      [&](int64_t pack) {
        return ForwardPack<Scalar, count>{load_pack<count>(x + pack * count), work.mask.load<count>(pack * count)};
      },
      [&](int64_t pack, ForwardPack<Scalar, count>& loaded, bool is_pack) {
        unsigned bits = 0;
        if (is_pack) {
          const RunOfPack::At place = work.run_of.at<count>(pack);
          if (place.run != known_run) {
            grid = grid_of_run(place.run);
            known_run = place.run;
          }
          const unsigned kept = MaskBits::kept(loaded.mask, pack * count);
          if (count == 1 || place.left == count) {
            bits = quantize(loaded.values, kept, [&](int) { return grid; });
          } else {
            const AffineGrid next = grid_of_run(place.run + 1);
            bits = quantize(loaded.values, kept, [&](int i) { return i < place.left ? grid : next; });
          }
          store_pack(y + pack * count, loaded.values);
        }
        if (clips) {
          bits = byte_of_lanes<count>(bits);
          if (is_pack && threadIdx.x % (8 / count) == 0) {
            work.clip_mask[pack / (8 / count)] = static_cast<uint8_t>(bits);
          }
        }
      });
  quantize_rest<Scalar>(work, at, grid_of_run);
}

/// Packs or single elements, as the memory allows.
template <typename Scalar, bool clips, typename GridOfRun>
__device__ __forceinline__ void quantize_tensor(const PackForward& work, const BlockRange& at,
                                                const GridOfRun& grid_of_run) {
  if (work.takes_packs) {
    quantize_packs<Scalar, 16 / sizeof(Scalar), clips>(work, at, grid_of_run);
  } else {
    quantize_packs<Scalar, 1, clips>(work, at, grid_of_run);
  }
}

}  // namespace compress::cuda
