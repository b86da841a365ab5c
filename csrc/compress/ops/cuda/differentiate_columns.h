#pragma once

#include <cstdint>

#include "compress/ops/cuda/quantize_columns.h"

namespace compress::cuda {

/// The sums of a tile's rows are added up over its threads, and go to `sums`, one for each column and tile of rows, or
/// straight to the gradients where `sums` is null.
template <typename Scalar, int count>
__global__ void __launch_bounds__(block_threads)
    differentiate_columns(const GradientMemory memory, const __grid_constant__ math::Quantizer quantizer,
                          const __grid_constant__ MaskBits mask, const __grid_constant__ ColumnTiles tiles,
                          const ScaleGradients gradients, PieceSums* sums) {
  using Sums = GradientSums<Real<Scalar>>;
  struct Loaded {
    int64_t element;
    GradientPack<Scalar, count> pack;
  };
  __shared__ Real<Scalar> scale_sums[count][block_threads];
  __shared__ Real<Scalar> zero_point_sums[count][block_threads];
  for (int64_t tile = blockIdx.x; tile < tiles.tiles(); tile += gridDim.x) {
    const auto share = tiles.share<count>(tile);
    Sums own[count];
    if (share.rows > 0) {
      const ColumnGrids<count> grids(quantizer, share.first_scale);
      over_items<2>(
          share.row, tiles.depth(), share.rows,
          [&](int row) {
            const int64_t element = tiles.element(share, row);
            return Loaded{element, load_gradient_pack<Scalar, count>(memory, mask, element)};
          },
          [&](int, Loaded& loaded) {
            differentiate_pack(memory, loaded.pack, loaded.element, grids, [&](int i) -> Sums& { return own[i]; });
          });
    }
    if (!gradients.are_wanted()) {
      continue;
    }
    __syncthreads();  // the former tile's sums may still be read
#pragma unroll
    for (int i = 0; i < count; ++i) {
      scale_sums[i][threadIdx.x] = own[i].scale;
      zero_point_sums[i][threadIdx.x] = own[i].zero_point;
    }
    __syncthreads();
    if (share.row != 0 || share.rows == 0) {
      continue;
    }
#pragma unroll
    for (int i = 0; i < count; ++i) {
      Sums total;
      for (int thread = static_cast<int>(threadIdx.x); thread < tiles.depth() * tiles.width();
           thread += tiles.width()) {
        total.scale += scale_sums[i][thread];
        total.zero_point += zero_point_sums[i][thread];
      }
      if (sums != nullptr) {
        sums[share.first_sum + i] = piece_sums(total);
      } else {
        gradients.store(share.first_scale + i, piece_sums(total));
      }
    }
  }
}

}  // namespace compress::cuda
