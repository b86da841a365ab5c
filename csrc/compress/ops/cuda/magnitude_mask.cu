#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/magnitude_mask.h"

namespace compress::cuda {
namespace {

template <typename Int, bool aligned>
__device__ __forceinline__ uint8_t compared_byte(const Int* weight, Int key, const MaskLayout& layout, int64_t byte) {
  unsigned bits = 0;
  if (aligned) {
    const Eight<Int> eight = reinterpret_cast<const Eight<Int>*>(weight)[byte];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      bits |= static_cast<unsigned>(math::magnitude_key(eight.values[i]) > key) << i;
    }
  } else {
    const ByteSpan span = span_of_byte(layout, byte);
    for (int i = 0; i < span.count; ++i) {
      bits |= static_cast<unsigned>(math::magnitude_key(weight[span.element + i]) > key) << i;
    }
  }
  return static_cast<uint8_t>(bits);
}

template <typename Int, bool aligned>
__global__ void __launch_bounds__(block_threads)
    magnitude_mask_kernel(const Int* weight, math::FloatFormat format, const float* threshold, MaskLayout layout,
                          uint8_t* mask) {
  const Int key = static_cast<Int>(math::threshold_key(*threshold, format));
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    mask[byte] = compared_byte<Int, aligned>(weight, key, layout, byte);
  }
}

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    magnitude_masks_kernel(const __grid_constant__ TensorTable<ComparedWeight> table, math::FloatFormat format,
                           const float* threshold) {
  const TensorBlock at = tensor_block(table);
  const auto& [memory, mask, layout] = table.entries[at.tensor];
  const Int* weight = static_cast<const Int*>(memory);
  const Int key = static_cast<Int>(math::threshold_key(*threshold, format));
  const int64_t bytes = layout.bytes();
  if (has_aligned_eights<Int>(weight, layout)) {
    for (int64_t byte = at.thread(); byte < bytes; byte += at.threads()) {
      mask[byte] = compared_byte<Int, true>(weight, key, layout, byte);
    }
  } else {
    for (int64_t byte = at.thread(); byte < bytes; byte += at.threads()) {
      mask[byte] = compared_byte<Int, false>(weight, key, layout, byte);
    }
  }
}

template <typename Int>
void launch(const void* weight, math::FloatFormat format, const float* threshold, const MaskLayout& layout,
            uint8_t* mask, cudaStream_t stream) {
  const bool aligned = has_aligned_eights<Int>(weight, layout);
  const auto kernel = aligned ? &magnitude_mask_kernel<Int, true> : &magnitude_mask_kernel<Int, false>;
  launch_kernel(kernel, thread_blocks(layout.bytes()), stream, static_cast<const Int*>(weight), format, threshold,
                layout, mask);
}

}  // namespace

void launch_magnitude_mask(const void* weight, math::FloatFormat format, const float* threshold,
                           const MaskLayout& layout, uint8_t* mask, cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  switch (format) {
    case math::FloatFormat::float64:
      return launch<int64_t>(weight, format, threshold, layout, mask, stream);
    case math::FloatFormat::float32:
      return launch<int32_t>(weight, format, threshold, layout, mask, stream);
    default:
      return launch<int16_t>(weight, format, threshold, layout, mask, stream);
  }
}

void launch_magnitude_masks(const TensorTable<ComparedWeight>& table, math::FloatFormat format, const float* threshold,
                            cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  switch (format) {
    case math::FloatFormat::float64:
      return launch_kernel(magnitude_masks_kernel<int64_t>, blocks, stream, table, format, threshold);
    case math::FloatFormat::float32:
      return launch_kernel(magnitude_masks_kernel<int32_t>, blocks, stream, table, format, threshold);
    default:
      return launch_kernel(magnitude_masks_kernel<int16_t>, blocks, stream, table, format, threshold);
  }
}

}  // namespace compress::cuda
