#pragma once

#include <cstdint>

#include "compress/core/block_geometry.h"

namespace compress::math {

/// Part of a tensor that one thread takes in one go: `runs` stretches of `length` neighbouring elements.
struct Piece {
  int64_t group;      // row of scales (scale_step 1), else unused
  int64_t first_run;  // number of the first stretch among those that share the scales (scale_step 1), or the segment
  int64_t runs;
  int64_t offset;  // of a stretch within its segment
  int64_t length;
  int64_t scale;  // index of the first scale
};

/// Cuts a tensor into pieces by its shape alone, so that sums over pieces, taken in order, are the same on any number
/// of threads.
///   scale_step 0: a piece is at most `max_length` elements of one segment, all under one scale.
///   scale_step 1: a piece is `block_runs` rows times `block_columns` columns that share their scales.
struct BlockPieces {
  static constexpr int64_t max_length = 4096;
  static constexpr int64_t block_columns = 256;
  static constexpr int64_t block_runs = 64;

  BlockGeometry geometry;
  int64_t parts = 1;       // of a segment, or column blocks of a row
  int64_t run_blocks = 1;  // scale_step 1
  int64_t runs_per_group = 1;
  int64_t count = 0;

  COMPRESS_HOST_DEVICE explicit BlockPieces(const BlockGeometry& of) : geometry(of) {
    const int64_t width = of.scale_step == 0 ? max_length : block_columns;
    parts = (of.segment_length + width - 1) / width;
    runs_per_group = of.segments_per_scale();
    if (of.elements() == 0) {
      count = 0;
    } else if (of.scale_step == 0) {
      count = of.segments * parts;
    } else {
      run_blocks = (runs_per_group + block_runs - 1) / block_runs;
      count = of.segments / runs_per_group * run_blocks * parts;
    }
  }

  /// Partial sums of a piece, one per scale.
  COMPRESS_HOST_DEVICE int64_t sums_per_piece() const { return geometry.scale_step == 0 ? 1 : block_columns; }

  COMPRESS_HOST_DEVICE Piece piece(int64_t number) const {
    const int64_t length = geometry.segment_length;
    if (geometry.scale_step == 0) {
      const int64_t segment = parts == 1 ? number : number / parts;
      const int64_t offset = (number - segment * parts) * max_length;
      const int64_t left = length - offset;
      return {0, segment, 1, offset, left < max_length ? left : max_length, geometry.first_scale(segment)};
    }
    const int64_t row = number / parts;
    const int64_t offset = (number - row * parts) * block_columns;
    const int64_t group = row / run_blocks;
    const int64_t first_run = (row - group * run_blocks) * block_runs;
    const int64_t left = length - offset;
    const int64_t runs = runs_per_group - first_run;
    return {group,
            first_run,
            runs < block_runs ? runs : block_runs,
            offset,
            left < block_columns ? left : block_columns,
            group * length + offset};
  }

  /// The first element of stretch `run` of a piece.
  COMPRESS_HOST_DEVICE int64_t element(const Piece& piece, int64_t run) const {
    const int64_t segment = geometry.scale_step == 0
                                ? piece.first_run
                                : geometry.segment_of(piece.group * geometry.segment_length, piece.first_run + run);
    return segment * geometry.segment_length + piece.offset;
  }

  /// How many partial sums a scale has, and where its n-th lies.
  COMPRESS_HOST_DEVICE int64_t sums_per_scale() const {
    return geometry.scale_step == 0 ? runs_per_group * parts : run_blocks;
  }
  COMPRESS_HOST_DEVICE int64_t sum_index(int64_t scale, int64_t n) const {
    if (geometry.one_to_one) {
      return scale * parts + n;
    }
    if (geometry.scale_step == 0) {
      const int64_t run = n / parts;
      return geometry.segment_of(scale, run) * parts + (n - run * parts);
    }
    const int64_t group = scale / geometry.segment_length;
    const int64_t column = scale - group * geometry.segment_length;
    const int64_t part = column / block_columns;
    return ((group * run_blocks + n) * parts + part) * block_columns + (column - part * block_columns);
  }
};

}  // namespace compress::math
