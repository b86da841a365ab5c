#pragma once

#include "compress/ops/cuda/quantize_columns.h"
#include "compress/ops/cuda/quantize_packs.h"
#include "compress/ops/math/mixed_radix.h"
#include "compress/ops/math/quantizer.h"

// For .cu files: fake_quantize of one tensor, with a clip mask or without.

namespace compress::cuda {

template <typename Scalar, bool clips>
__global__ void __launch_bounds__(block_threads)
    quantize_runs(const __grid_constant__ math::FakeQuantizeCall call, const __grid_constant__ PackForward work,
                  const __grid_constant__ math::MixedRadix scale_of) {
  quantize_tensor<Scalar, clips>(work, whole_grid(), [&](int64_t run) { return call.quantizer.grid(scale_of(run)); });
}

template <typename Scalar, bool clips>
void launch_quantize_as(const math::FakeQuantizeCall& call, uint8_t* clip_mask, cudaStream_t stream) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  if (geometry.scale_step == 0) {
    const PackForward work(sizeof(Scalar), call.x, call.y, clip_mask, geometry.segments, geometry.segment_length,
                           call.mask);
    launch_kernel(quantize_runs<Scalar, clips>, grid_blocks(work.tiles(sizeof(Scalar))), stream, call, work,
                  math::scale_of_run(geometry));
    return;
  }
  const Alignment alignment(sizeof(Scalar), call.x, call.y);
  with_columns_per_thread<Scalar>(geometry.segment_length, alignment, [&](auto count) {
    const ColumnTiles tiles(geometry, count);
    launch_kernel(quantize_columns<Scalar, count, clips>, grid_blocks(tiles.tiles()), stream, call, tiles,
                  MaskBits(call.mask), clip_mask);
  });
}

/// `clip_mask`, where `clips`, numbers elements as they lie; columns are a multiple of 8.
template <bool clips>
void launch_quantize(const math::FakeQuantizeCall& call, uint8_t* clip_mask, cudaStream_t stream) {
  with_scalar_of(call.format,
                 [&](auto scalar) { launch_quantize_as<decltype(scalar), clips>(call, clip_mask, stream); });
}

}  // namespace compress::cuda
