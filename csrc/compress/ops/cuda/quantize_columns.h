#pragma once

#include <cstdint>

#include "compress/ops/cuda/byte_of_lanes.h"
#include "compress/ops/cuda/column_tiles.h"
#include "compress/ops/cuda/quantize_run.h"
#include "compress/ops/math/quantizer.h"

// For .cu files: fake_quantize where every column has a scale of its own (BlockGeometry::scale_step 1).

namespace compress::cuda {

/// The grids of a thread's columns.
template <int count>
struct ColumnGrids {
  AffineGrid grids[count];

  __device__ ColumnGrids(const math::Quantizer& quantizer, int64_t first_scale) {
#pragma unroll
    for (int i = 0; i < count; ++i) {
      grids[i] = quantizer.grid(first_scale + i);
    }
  }
  __device__ const AffineGrid& operator()(int i) const {
    return grids[i];
  }
};

/// `clip_mask` numbers elements as they lie; its bytes must not be shared by two rows.
template <typename Scalar, int count, bool clips>
__global__ void __launch_bounds__(block_threads)
    quantize_columns(const __grid_constant__ math::FakeQuantizeCall call, const __grid_constant__ ColumnTiles tiles,
                     const __grid_constant__ MaskBits mask, uint8_t* clip_mask) {
  struct Loaded {
    int64_t element;
    Pack<Scalar, count> values;
    unsigned mask;
  };
  const Scalar* x = static_cast<const Scalar*>(call.x);
  Scalar* y = static_cast<Scalar*>(call.y);
  for (int64_t tile = blockIdx.x; tile < tiles.tiles(); tile += gridDim.x) {
    const auto share = tiles.share<count>(tile);
    if (share.rows == 0) {
      continue;
    }
    const ColumnGrids<count> grids(call.quantizer, share.first_scale);
    over_items<2>(
        share.row, tiles.depth(), share.rows,
        [&](int row) {
          const int64_t element = tiles.element(share, row);
          return Loaded{element, load_pack<count>(x + element), mask.load<count>(element)};
        },
        [&](int, Loaded& loaded) {
          const int64_t element = loaded.element;
          const unsigned bits = quantize(loaded.values, MaskBits::kept(loaded.mask, element), grids);
          store_pack(y + element, loaded.values);
          if (clips) {
            const unsigned byte = byte_of_lanes<count>(bits, lanes_of_byte<count>());
            if (element % 8 == 0) {
              clip_mask[element / 8] = static_cast<uint8_t>(byte);
            }
          }
        });
  }
}

}  // namespace compress::cuda
