#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/unpack_mask.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cuda {
namespace {

template <bool aligned>
__global__ void __launch_bounds__(block_threads)
    unpack_mask_kernel(const uint8_t* packed, MaskLayout layout, uint8_t* mask) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const unsigned bits = packed[byte];
    if (aligned) {
      reinterpret_cast<uint64_t*>(mask)[byte] = math::bytes_of_bits(static_cast<uint8_t>(bits));
    } else {
      const ByteSpan span = span_of_byte(layout, byte);
      for (int i = 0; i < span.count; ++i) {
        mask[span.element + i] = (bits >> i) & 1u;
      }
    }
  }
}

}  // namespace

void launch_unpack_mask(const uint8_t* packed, const MaskLayout& layout, bool* mask, cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  const bool aligned = has_aligned_eights<uint8_t>(mask, layout);
  const auto kernel = aligned ? &unpack_mask_kernel<true> : &unpack_mask_kernel<false>;
  launch_kernel(kernel, thread_blocks(layout.bytes()), stream, packed, layout, reinterpret_cast<uint8_t*>(mask));
}

}  // namespace compress::cuda
