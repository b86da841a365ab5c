#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/pack_mask.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cuda {
namespace {

template <bool aligned>
__global__ void __launch_bounds__(block_threads)
    pack_mask_kernel(const uint8_t* mask, MaskLayout layout, uint8_t* packed) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    if (aligned) {
      packed[byte] = math::bits_of_bytes(reinterpret_cast<const uint64_t*>(mask)[byte]);
    } else {
      const ByteSpan span = span_of_byte(layout, byte);
      unsigned bits = 0;
      for (int i = 0; i < span.count; ++i) {
        bits |= static_cast<unsigned>(mask[span.element + i]) << i;
      }
      packed[byte] = static_cast<uint8_t>(bits);
    }
  }
}

}  // namespace

void launch_pack_mask(const bool* mask, const MaskLayout& layout, uint8_t* packed, cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  const bool aligned = has_aligned_eights<uint8_t>(mask, layout);
  const auto kernel = aligned ? &pack_mask_kernel<true> : &pack_mask_kernel<false>;
  launch_kernel(kernel, thread_blocks(layout.bytes()), stream, reinterpret_cast<const uint8_t*>(mask), layout, packed);
}

}  // namespace compress::cuda
