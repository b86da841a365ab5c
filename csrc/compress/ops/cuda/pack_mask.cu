#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/over_tiles.h"
#include "compress/ops/cuda/pack_mask.h"
#include "compress/ops/cuda/tiles.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cuda {
namespace {

// Eights that lie aligned.
__global__ void __launch_bounds__(block_threads) pack_eights(const uint64_t* mask, int64_t bytes, uint8_t* packed) {
  over_tiles<4>(
      whole_grid(), bytes, [&](int64_t byte) { return mask[byte]; },
      [&](int64_t byte, uint64_t eight, bool is_byte) {
        if (is_byte) {
          packed[byte] = math::bits_of_bytes(eight);
        }
      });
}

// Any others: a thread per byte.
__global__ void __launch_bounds__(block_threads) pack_spans(const uint8_t* mask, MaskLayout layout, uint8_t* packed) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const ByteSpan span = span_of_byte(layout, byte);
    unsigned bits = 0;
    for (int i = 0; i < span.count; ++i) {
      bits |= static_cast<unsigned>(mask[span.element + i]) << i;
    }
    packed[byte] = static_cast<uint8_t>(bits);
  }
}

}  // namespace

void launch_pack_mask(const bool* mask, const MaskLayout& layout, uint8_t* packed, cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  if (has_aligned_eights(mask, layout)) {
    launch_kernel(pack_eights, grid_blocks(tiles_of(layout.bytes(), 4)), stream,
                  reinterpret_cast<const uint64_t*>(mask), layout.bytes(), packed);
  } else {
    launch_kernel(pack_spans, thread_blocks(layout.bytes()), stream, reinterpret_cast<const uint8_t*>(mask), layout,
                  packed);
  }
}

}  // namespace compress::cuda
