#pragma once

#include <cstdint>

#include "compress/ops/cuda/launch.h"

namespace compress::cuda {

/// Blocks for as many tiles; not bounded.
inline int64_t tiles_of(int64_t items, int at_once) {
  const int64_t tile = static_cast<int64_t>(block_threads) * at_once;
  return items < tile ? 1 : (items + tile - 1) / tile;
}

}  // namespace compress::cuda
