#pragma once

// The grids of neighbouring elements, as loops over a formula take them: grids[i] is the i-th element's.

#include <cstdint>

#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu {

/// One grid for a whole run.
struct OneGrid {
  math::AffineGrid grid;
  COMPRESS_HOST_DEVICE math::AffineGrid operator[](int64_t) const { return grid; }
};

/// The grids of neighbouring columns, one array a field, so that the loop over columns loads vectors.
template <int64_t capacity_>
struct GridArrays {
  static constexpr int64_t capacity = capacity_;
  float scale[capacity];
  float inverse_scale[capacity];
  float low[capacity];
  float high[capacity];

  COMPRESS_HOST_DEVICE math::AffineGrid operator[](int64_t i) const {
    return {scale[i], inverse_scale[i], low[i], high[i]};
  }

  /// Those of `count` scales from `first` on.
  template <typename Count>
  COMPRESS_HOST_DEVICE void load(const math::Quantizer& quantizer, int64_t first, Count count) {
    for (int64_t i = 0; i < count; ++i) {
      low[i] = quantizer.zero_points[first + i];
    }
    for (int64_t i = 0; i < count; ++i) {
      const math::AffineGrid grid =
          math::make_affine_grid(quantizer.scale[first + i], low[i], quantizer.quant_min, quantizer.quant_max);
      scale[i] = grid.scale;
      inverse_scale[i] = grid.inverse_scale;
      low[i] = grid.low;
      high[i] = grid.high;
    }
  }
};

using ColumnGrids = GridArrays<4 * math::BlockPieces::block_columns>;  // 16 KB

/// Part of a ColumnGrids.
struct ColumnGridsFrom {
  const ColumnGrids* grids;
  int64_t offset;
  COMPRESS_HOST_DEVICE math::AffineGrid operator[](int64_t i) const { return (*grids)[offset + i]; }
};

/// Walks elements in memory order by runs under one scale (scale_step 0).
class SharedGridWalk {
 public:
  COMPRESS_HOST_DEVICE SharedGridWalk(const math::Quantizer& quantizer, int64_t element)
      : quantizer_(quantizer), segment_(element / quantizer.geometry.segment_length) {
    left_ = (segment_ + 1) * quantizer.geometry.segment_length - element;
    grid_ = quantizer.grid(quantizer.geometry.first_scale(segment_));
  }

  /// The grid of the next `count` elements, which are then behind; null, and nothing done, where they have several.
  COMPRESS_HOST_DEVICE const math::AffineGrid* one_grid_for(int64_t count) {
    if (left_ == 0) {
      begin_segment();
    }
    if (count > left_) {
      return nullptr;
    }
    left_ -= count;
    return &grid_;
  }

  /// Calls body(offset, length, grids) for the runs of the next `count` elements.
  template <typename Body>
  COMPRESS_HOST_DEVICE void over(int64_t count, const Body& body) {
    for (int64_t done = 0; done < count;) {
      if (left_ == 0) {
        begin_segment();
      }
      const int64_t length = left_ < count - done ? left_ : count - done;
      body(done, length, OneGrid{grid_});
      done += length;
      left_ -= length;
    }
  }

 private:
  COMPRESS_HOST_DEVICE void begin_segment() {
    ++segment_;
    left_ = quantizer_.geometry.segment_length;
    grid_ = quantizer_.grid(quantizer_.geometry.first_scale(segment_));
  }

  const math::Quantizer& quantizer_;
  int64_t segment_;
  int64_t left_;
  math::AffineGrid grid_;
};

/// The same with one scale per column (scale_step 1). A block's grids stay for the next row where it has the same.
class ColumnGridWalk {
 public:
  COMPRESS_HOST_DEVICE ColumnGridWalk(const math::Quantizer& quantizer, int64_t element)
      : quantizer_(quantizer), segment_(element / quantizer.geometry.segment_length) {
    column_ = element - segment_ * quantizer.geometry.segment_length;
    first_scale_ = quantizer.geometry.first_scale(segment_);
  }

  COMPRESS_HOST_DEVICE const math::AffineGrid* one_grid_for(int64_t) { return nullptr; }

  template <typename Body>
  COMPRESS_HOST_DEVICE void over(int64_t count, const Body& body) {
    const int64_t row = quantizer_.geometry.segment_length;
    for (int64_t done = 0; done < count;) {
      if (column_ == row) {
        ++segment_;
        column_ = 0;
        first_scale_ = quantizer_.geometry.first_scale(segment_);
      }
      const int64_t in_block = column_ % ColumnGrids::capacity;
      const int64_t block = column_ - in_block;
      const int64_t columns = row - block < ColumnGrids::capacity ? row - block : ColumnGrids::capacity;
      if (loaded_ != first_scale_ + block) {
        loaded_ = first_scale_ + block;
        grids_.load(quantizer_, loaded_, columns);
      }
      const int64_t length = columns - in_block < count - done ? columns - in_block : count - done;
      body(done, length, ColumnGridsFrom{&grids_, in_block});
      done += length;
      column_ += length;
    }
  }

 private:
  const math::Quantizer& quantizer_;
  int64_t segment_;
  int64_t column_;
  int64_t first_scale_;
  int64_t loaded_ = -1;
  ColumnGrids grids_;
};

}  // namespace compress::cpu
