#pragma once

#include <algorithm>

#include "compress/ops/cpu/parallel.h"
#include "compress/ops/math/block_pieces.h"

namespace compress::cpu {

/// Calls body(begin, end) for ranges of pieces, in parallel.
template <typename Body>
void parallel_over_pieces(const math::BlockPieces& pieces, const Body& body) {
  // Elements a thread takes at least: below this, waking a thread costs more than it saves.
  constexpr int64_t grain_elements = 32768;
  const int64_t elements_per_piece =
      std::max<int64_t>(1, pieces.geometry.elements() / std::max<int64_t>(1, pieces.count));
  at::parallel_for(0, pieces.count, std::max<int64_t>(1, grain_elements / elements_per_piece), body);
}

}  // namespace compress::cpu
