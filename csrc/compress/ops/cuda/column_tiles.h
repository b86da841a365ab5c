#pragma once

#include <cstdint>
#include <type_traits>

#include "compress/core/block_geometry.h"
#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/launch.h"
#include "compress/ops/math/mixed_radix.h"

namespace compress::cuda {

/// Columns that a thread takes: 16 bytes where all rows begin at a 16-byte border, else one.
inline int columns_per_thread(int element_size, int64_t columns, const Alignment& alignment) {
  const int count = 16 / element_size;
  return alignment.is_whole() && columns % count == 0 ? count : 1;
}

/// Calls body with that count as a constant.
template <typename Scalar, typename Body>
void with_columns_per_thread(int64_t columns, const Alignment& alignment, const Body& body) {
  if (columns_per_thread(sizeof(Scalar), columns, alignment) > 1) {
    body(std::integral_constant<int, 16 / sizeof(Scalar)>());
  } else {
    body(std::integral_constant<int, 1>());
  }
}

/// Cuts a tensor whose every column has a scale of its own (BlockGeometry::scale_step 1) into tiles, by its shape
/// alone. A thread owns `count` neighbouring columns of a tile and takes every depth-th of its rows; neighbouring
/// threads own neighbouring columns, so that rows are read in whole lines.
class ColumnTiles {
 public:
  ColumnTiles(const BlockGeometry& geometry, int count)
      : first_run_(math::first_run(geometry)),
        run_of_group_(math::run_of_group(geometry)),
        group_of_(geometry.segment_length),
        columns_(geometry.segment_length),
        rows_(geometry.segments_per_scale()),
        groups_(geometry.segments / rows_) {
    const int64_t packs = columns_ / count;
    const int64_t max_width = block_threads / (rows_ < 4 ? rows_ : 4);
    const int64_t strips = (packs + max_width - 1) / max_width;
    const int lanes_of_byte = count < 8 ? 8 / count : 1;  // neighbours whose bits share a byte stay in one strip
    width_ = static_cast<int>((packs + strips - 1) / strips);
    width_ = (width_ + lanes_of_byte - 1) / lanes_of_byte * lanes_of_byte;
    strips_ = static_cast<unsigned>((packs + width_ - 1) / width_);
    depth_ = block_threads / width_;
    packs_ = packs;
    constexpr int64_t large = int64_t{1} << 22;  // enough for tiles of many rows to fill a GPU
    tile_rows_ = depth_ * (geometry.elements() >= large ? 16 : 4);
    row_tiles_ = static_cast<unsigned>((rows_ + tile_rows_ - 1) / tile_rows_);
  }

  COMPRESS_HOST_DEVICE int64_t tiles() const { return groups_ * row_tiles_ * strips_; }

  // A scale's rows lie in so many tiles, one above the other, the n-th of which has its sums at sum_index.
  COMPRESS_HOST_DEVICE int64_t sums_per_scale() const { return row_tiles_; }
  COMPRESS_HOST_DEVICE int64_t sum_index(int64_t scale, int64_t n) const {
    const int64_t group = group_of_(scale);
    return (group * row_tiles_ + n) * columns_ + (scale - group * columns_);
  }
  int64_t sums() const { return groups_ * row_tiles_ * columns_; }

#if defined(__CUDACC__)
  /// What a thread has of a tile.
  struct Share {
    int64_t first_scale;  ///< of its columns
    int64_t first_sum;    ///< sum_index of that
    int64_t column;
    int64_t first_row;  ///< of the tile, within the group
    int64_t base;       ///< first element of the group's row 0 in its columns
    int rows;           ///< of the tile; 0 where the thread has no columns
    int row;            ///< its first
  };

  template <int count>
  __device__ __forceinline__ Share share(int64_t tile) const {
    const auto row = static_cast<unsigned>(tile) / strips_;
    const unsigned strip = static_cast<unsigned>(tile) - row * strips_;
    const unsigned group = row / row_tiles_;
    const int own_row = static_cast<int>(threadIdx.x) / width_;
    const int64_t pack = static_cast<int64_t>(strip) * width_ + (static_cast<int>(threadIdx.x) - own_row * width_);
    Share share;
    share.column = pack * count;
    share.first_scale = group * columns_ + share.column;
    share.first_sum = static_cast<int64_t>(row) * columns_ + share.column;
    share.first_row = static_cast<int64_t>(row - group * row_tiles_) * tile_rows_;
    share.base = share.column + first_run_(group) * columns_;
    const int64_t left = rows_ - share.first_row;
    share.rows = pack < packs_ && own_row < depth_ ? static_cast<int>(left < tile_rows_ ? left : tile_rows_) : 0;
    share.row = own_row;
    return share;
  }

  /// The first of a thread's elements in row `row` of its tile.
  __device__ __forceinline__ int64_t element(const Share& share, int row) const {
    return share.base + run_of_group_(share.first_row + row) * columns_;
  }

  __device__ int width() const {
    return width_;
  }
  __device__ int depth() const {
    return depth_;
  }
#endif

 private:
  math::MixedRadix first_run_;
  math::MixedRadix run_of_group_;
  math::Divide group_of_;  ///< of a scale
  int64_t columns_;
  int64_t rows_;  ///< of a group
  int64_t groups_;
  int64_t packs_ = 0;  ///< of a row
  int64_t tile_rows_ = 0;
  unsigned strips_ = 1;
  unsigned row_tiles_ = 1;
  int width_ = 1;
  int depth_ = 1;
};

}  // namespace compress::cuda
