#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress {

/// Which scale belongs to which element, for a contiguous tensor x and a scale of the same rank (or a scalar)
/// whose every size divides that of x; the quotient is the block. No torch types: kernels take it by value.
///
/// Memory order is cut into `segments` equal runs of `segment_length` elements. Within one run the scale index is
/// `first + i * scale_step`: scale_step 0 = one scale for the whole run, 1 = one scale per element (the scale
/// varies along the innermost dimension, such as [1, C] on [T, C]).
/// `first` of a run is found by decoding the run's number over the outer dimensions:
///   x [N, K], scale [N, 1]   -> segments N,     length K, step 0, first(s) = s
///   x [N, K], scale [N, K/g] -> segments N*K/g, length g, step 0, first(s) = s
///   x [N,C,H,W], scale [1,C,1,1] -> segments N*C, length H*W, step 0, first(s) = s % C
///   x [N, K], scale []       -> segments 1, length N*K
struct BlockGeometry {
  static constexpr int max_dims = 12;

  int64_t segments = 1;
  int64_t segment_length = 0;
  int64_t scale_step = 0;
  int64_t scale_count = 1;
  /// Outer dimensions, outermost first: how many positions, how many neighbours share one scale, scale stride.
  int dims = 0;
  int64_t size[max_dims] = {};
  int64_t block[max_dims] = {};
  int64_t scale_stride[max_dims] = {};
  /// segments == scale_count and first(s) == s: the common case, no decoding needed.
  bool one_to_one = false;

  COMPRESS_HOST_DEVICE int64_t elements() const { return segments * segment_length; }

  /// Index of the first scale of run `segment`.
  COMPRESS_HOST_DEVICE int64_t first_scale(int64_t segment) const {
    if (one_to_one) {
      return segment;
    }
    int64_t index = 0;
    for (int d = dims - 1; d >= 0; --d) {
      index += (segment % size[d]) / block[d] * scale_stride[d];
      segment /= size[d];
    }
    return index;
  }

  /// How many runs share one scale (scale_step 0) or one row of scales (scale_step 1).
  COMPRESS_HOST_DEVICE int64_t segments_per_scale() const {
    int64_t count = 1;
    for (int d = 0; d < dims; ++d) {
      count *= block[d];
    }
    return count;
  }

  /// The `n`-th run (0 <= n < segments_per_scale(), in memory order) of those whose first_scale is `first`.
  /// Inverse of first_scale: the second stage of a deterministic reduction walks these in order.
  COMPRESS_HOST_DEVICE int64_t segment_of(int64_t first, int64_t n) const {
    if (one_to_one) {
      return first;
    }
    int64_t within[max_dims] = {};
    for (int d = dims - 1; d >= 0; --d) {
      within[d] = n % block[d];
      n /= block[d];
    }
    int64_t segment = 0;
    for (int d = 0; d < dims; ++d) {
      const int64_t blocks = size[d] / block[d];
      const int64_t which = blocks == 1 ? 0 : first / scale_stride[d] % blocks;
      segment = segment * size[d] + which * block[d] + within[d];
    }
    return segment;
  }
};

/// Builds the geometry. `error` is null on success, else a static sentence for the caller's message.
/// `scale_dims` 0 or a scale of one element = per tensor; else it must equal `x_dims`.
BlockGeometry make_block_geometry(const int64_t* x_sizes, int x_dims, const int64_t* scale_sizes, int scale_dims,
                                  const char** error);

}  // namespace compress
