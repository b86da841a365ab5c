#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/magnitude_mask.h"
#include "compress/ops/cuda/write_bits.h"

namespace compress::cuda {
namespace {

/// A bit for each weight whose magnitude exceeds the key's.
template <typename Int>
struct Exceeds {
  Int key;

  template <int count>
  __device__ __forceinline__ unsigned operator()(const Pack<Int, count>& weights) const {
    unsigned bits = 0;
#pragma unroll
    for (int i = 0; i < count; ++i) {
      bits |= static_cast<unsigned>(math::magnitude_key(weights.values[i]) > key) << i;
    }
    return bits;
  }
};

/// Whole bytes in wide accesses where the mask is one stream, else a thread per byte.
template <typename Int>
__device__ __forceinline__ void compare(const BlockRange& at, const Int* weight, const MaskLayout& layout,
                                        bool is_aligned, const Exceeds<Int>& exceeds, uint8_t* mask) {
  const int64_t elements = layout.rows * layout.row;
  if (layout.is_one_stream()) {
    if (is_aligned) {
      write_bits<bits_per_access<Int>>(at, weight, elements, mask, exceeds);
    } else {
      write_bits<1>(at, weight, elements, mask, exceeds);
    }
    write_last_bits(at, weight, elements, mask, exceeds);
    return;
  }
  for (int64_t byte = thread_of(at); byte < layout.bytes(); byte += threads_of(at)) {
    const ByteSpan span = span_of_byte(layout, byte);
    unsigned bits = 0;
    for (int i = 0; i < span.count; ++i) {
      bits |= exceeds(load_pack<1>(weight + span.element + i)) << i;
    }
    mask[byte] = static_cast<uint8_t>(bits);
  }
}

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    magnitude_mask_kernel(const Int* weight, math::FloatFormat format, const float* threshold, MaskLayout layout,
                          bool is_aligned, uint8_t* mask) {
  const Int key = static_cast<Int>(math::threshold_key(*threshold, format));
  compare(whole_grid(), weight, layout, is_aligned, Exceeds<Int>{key}, mask);
}

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    magnitude_masks_kernel(const __grid_constant__ TensorTable<ComparedWeight> table, math::FloatFormat format,
                           const float* threshold) {
  const TensorBlock at = tensor_block(table);
  const auto& [weight, mask, layout] = table.entries[at.tensor];
  const Int key = static_cast<Int>(math::threshold_key(*threshold, format));
  const bool is_aligned = reinterpret_cast<uintptr_t>(weight) % 16 == 0;
  compare(at, static_cast<const Int*>(weight), layout, is_aligned, Exceeds<Int>{key}, mask);
}

template <typename Int>
void launch(const void* weight, math::FloatFormat format, const float* threshold, const MaskLayout& layout,
            uint8_t* mask, cudaStream_t stream) {
  launch_kernel(magnitude_mask_kernel<Int>, thread_blocks(layout.bytes()), stream, static_cast<const Int*>(weight),
                format, threshold, layout, Alignment(sizeof(Int), weight).is_whole(), mask);
}

}  // namespace

void launch_magnitude_mask(const void* weight, math::FloatFormat format, const float* threshold,
                           const MaskLayout& layout, uint8_t* mask, cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  math::with_integer_of(bytes_of(format),
                        [&](auto zero) { launch<decltype(zero)>(weight, format, threshold, layout, mask, stream); });
}

void launch_magnitude_masks(const TensorTable<ComparedWeight>& table, math::FloatFormat format, const float* threshold,
                            cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  math::with_integer_of(bytes_of(format), [&](auto zero) {
    launch_kernel(magnitude_masks_kernel<decltype(zero)>, blocks, stream, table, format, threshold);
  });
}

}  // namespace compress::cuda
