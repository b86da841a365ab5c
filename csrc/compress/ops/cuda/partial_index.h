#pragma once

#include <cstdint>

#include "compress/ops/cuda/column_tiles.h"
#include "compress/ops/math/mixed_radix.h"

// Where the n-th partial result of a scale lies, which the first stage of a reduction wrote and the second reads.

namespace compress::cuda {

/// One of each piece of a run.
struct PartialsOfRuns {
  int64_t parts;
  math::Divide run_of;
  math::MixedRadix first_run;
  math::MixedRadix run_of_group;

  PartialsOfRuns(const BlockGeometry& geometry, int64_t parts)
      : parts(parts), run_of(parts), first_run(math::first_run(geometry)), run_of_group(math::run_of_group(geometry)) {}

  COMPRESS_HOST_DEVICE int64_t index(int64_t scale, int64_t n) const {
    const int64_t run = run_of(n);
    return (first_run(scale) + run_of_group(run)) * parts + (n - run * parts);
  }
};

/// One of each column of a tile.
struct PartialsOfColumns {
  ColumnTiles tiles;

  COMPRESS_HOST_DEVICE int64_t index(int64_t scale, int64_t n) const { return tiles.sum_index(scale, n); }
};

}  // namespace compress::cuda
