#include "compress/ops/cuda/apply_mask.h"
#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"

namespace compress::cuda {
namespace {

template <typename UInt>
__device__ __forceinline__ UInt kept(UInt x, unsigned bits, int i) {
  return (bits >> i) & 1u ? x : UInt{0};
}

template <typename UInt, bool aligned>
__device__ __forceinline__ void apply_byte(const UInt* x, const uint8_t* mask, const MaskLayout& layout, int64_t byte,
                                           UInt* y) {
  const unsigned bits = mask[byte];
  if (aligned) {
    Eight<UInt> eight = reinterpret_cast<const Eight<UInt>*>(x)[byte];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      eight.values[i] = kept(eight.values[i], bits, i);
    }
    reinterpret_cast<Eight<UInt>*>(y)[byte] = eight;
  } else {
    const ByteSpan span = span_of_byte(layout, byte);
    for (int i = 0; i < span.count; ++i) {
      y[span.element + i] = kept(x[span.element + i], bits, i);
    }
  }
}

// One thread per mask byte.
template <typename UInt, bool aligned>
__global__ void __launch_bounds__(block_threads)
    apply_mask_kernel(const UInt* x, const uint8_t* mask, MaskLayout layout, UInt* y) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    apply_byte<UInt, aligned>(x, mask, layout, byte, y);
  }
}

template <typename UInt>
__global__ void __launch_bounds__(block_threads)
    apply_masks_kernel(const __grid_constant__ TensorTable<MaskedTensor> table) {
  const TensorBlock at = tensor_block(table);
  const auto& [memory, mask, layout] = table.entries[at.tensor];
  UInt* x = static_cast<UInt*>(memory);
  const int64_t bytes = layout.bytes();
  if (has_aligned_eights<UInt>(x, layout)) {
    for (int64_t byte = at.thread(); byte < bytes; byte += at.threads()) {
      apply_byte<UInt, true>(x, mask, layout, byte, x);
    }
  } else {
    for (int64_t byte = at.thread(); byte < bytes; byte += at.threads()) {
      apply_byte<UInt, false>(x, mask, layout, byte, x);
    }
  }
}

template <typename UInt>
void launch(const void* x, const uint8_t* mask, const MaskLayout& layout, void* y, cudaStream_t stream) {
  const bool aligned = has_aligned_eights<UInt>(x, layout) && has_aligned_eights<UInt>(y, layout);
  const auto kernel = aligned ? &apply_mask_kernel<UInt, true> : &apply_mask_kernel<UInt, false>;
  launch_kernel(kernel, thread_blocks(layout.bytes()), stream, static_cast<const UInt*>(x), mask, layout,
                static_cast<UInt*>(y));
}

}  // namespace

void launch_apply_mask(const void* x, const uint8_t* mask, const MaskLayout& layout, int element_size, void* y,
                       cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  switch (element_size) {
    case 1:
      return launch<uint8_t>(x, mask, layout, y, stream);
    case 2:
      return launch<uint16_t>(x, mask, layout, y, stream);
    case 4:
      return launch<uint32_t>(x, mask, layout, y, stream);
    default:
      return launch<uint64_t>(x, mask, layout, y, stream);
  }
}

void launch_apply_masks(const TensorTable<MaskedTensor>& table, int element_size, cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  switch (element_size) {
    case 1:
      return launch_kernel(apply_masks_kernel<uint8_t>, blocks, stream, table);
    case 2:
      return launch_kernel(apply_masks_kernel<uint16_t>, blocks, stream, table);
    case 4:
      return launch_kernel(apply_masks_kernel<uint32_t>, blocks, stream, table);
    default:
      return launch_kernel(apply_masks_kernel<uint64_t>, blocks, stream, table);
  }
}

}  // namespace compress::cuda
