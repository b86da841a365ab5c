#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/over_tiles.h"
#include "compress/ops/cuda/tiles.h"
#include "compress/ops/cuda/unpack_mask.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cuda {
namespace {

// Eights that lie aligned.
__global__ void __launch_bounds__(block_threads) unpack_eights(const uint8_t* packed, int64_t bytes, uint64_t* mask) {
  over_tiles<4>(
      whole_grid(), bytes, [&](int64_t byte) { return packed[byte]; },
      [&](int64_t byte, uint8_t bits, bool is_byte) {
        if (is_byte) {
          mask[byte] = math::bytes_of_bits(bits);
        }
      });
}

// Any others: a thread per byte.
__global__ void __launch_bounds__(block_threads) unpack_spans(const uint8_t* packed, MaskLayout layout, uint8_t* mask) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const unsigned bits = packed[byte];
    const ByteSpan span = span_of_byte(layout, byte);
    for (int i = 0; i < span.count; ++i) {
      mask[span.element + i] = (bits >> i) & 1u;
    }
  }
}

}  // namespace

void launch_unpack_mask(const uint8_t* packed, const MaskLayout& layout, bool* mask, cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  if (has_aligned_eights(mask, layout)) {
    launch_kernel(unpack_eights, grid_blocks(tiles_of(layout.bytes(), 4)), stream, packed, layout.bytes(),
                  reinterpret_cast<uint64_t*>(mask));
  } else {
    launch_kernel(unpack_spans, thread_blocks(layout.bytes()), stream, packed, layout,
                  reinterpret_cast<uint8_t*>(mask));
  }
}

}  // namespace compress::cuda
