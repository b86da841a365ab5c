#pragma once

#include <cstdint>

#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/over_tiles.h"
#include "compress/ops/cuda/team.h"

namespace compress::cuda {

/// A piece spread over a team: singly up to a 16-byte border and behind the last, 16 bytes a time between. `body` has
/// load<count>(element), called for at_once packs before use<count>(element, loaded) of the first.
template <int per_pack, int at_once, typename Body>
__device__ __forceinline__ void over_piece(const Team& team, int64_t first, int count, const Alignment& alignment,
                                           Body& body) {
  const int head = alignment.until_border<per_pack>(first, count);
  const int packs = (count - head) / per_pack;
  over_items<at_once>(
      team.lane(), team.size(), packs, [&](int i) { return body.template load<per_pack>(first + head + i * per_pack); },
      [&](int i, auto& loaded) { body.template use<per_pack>(first + head + i * per_pack, loaded); });
  const int single = count - packs * per_pack;
  for (int i = team.lane(); i < single; i += team.size()) {
    const int64_t element = first + (i < head ? i : i + packs * per_pack);
    auto loaded = body.template load<1>(element);
    body.template use<1>(element, loaded);
  }
}

/// The partial results of one scale, 0..count - 1, spread over a team: load(n) of at_once of them comes before
/// use(loaded) of the first.
template <int at_once, typename Load, typename Use>
__device__ __forceinline__ void over_partials(const Team& team, int64_t count, const Load& load, const Use& use) {
  const int step = team.size() * at_once;
  for (int64_t begin = 0; begin < count; begin += step) {
    const int64_t left = count - begin;
    over_items<at_once>(
        team.lane(), team.size(), left < step ? static_cast<int>(left) : step, [&](int n) { return load(begin + n); },
        [&](int, const auto& loaded) { use(loaded); });
  }
}

}  // namespace compress::cuda
