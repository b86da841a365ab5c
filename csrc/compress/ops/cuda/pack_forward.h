#pragma once

#include <cstdint>

#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/mask_bits.h"
#include "compress/ops/cuda/run_of_pack.h"
#include "compress/ops/cuda/tiles.h"

namespace compress::cuda {

/// A forward pass over runs of one scale each. The tensor is taken in packs of `count` neighbours, 16 bytes where the
/// memory is aligned and no run is shorter, else single elements; runs may end within a pack.
struct PackForward {
  const void* x = nullptr;
  void* y = nullptr;
  uint8_t* clip_mask = nullptr;  ///< a bit for each element, eight neighbours a byte; null = not wanted
  int64_t elements = 0;
  MaskBits mask;
  RunOfPack run_of;
  math::Divide run_of_element;
  bool takes_packs = false;

  PackForward() = default;
  PackForward(int element_size, const void* x, void* y, uint8_t* clip_mask, int64_t runs, int64_t length,
              const PackedMask& mask)
      : x(x),
        y(y),
        clip_mask(clip_mask),
        elements(runs * length),
        mask(mask),
        run_of(runs, length, 1),
        run_of_element(length),
        takes_packs(false) {
    const int count = 16 / element_size;
    if (Alignment(element_size, x, y).is_whole() && (runs == 1 || length >= count)) {
      takes_packs = true;
      run_of = RunOfPack(runs, length, count);
    }
  }

  /// Packs in flight per thread.
  static constexpr int at_once = 2;

  int64_t tiles(int element_size) const {
    return tiles_of(takes_packs ? elements * element_size / 16 : elements, at_once);
  }
};

}  // namespace compress::cuda
