#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/nm_mask.h"

namespace compress::cuda {
namespace {

using math::NmGroups;

// Groups of m neighbours, m a divisor of 8: a thread has whole groups, the eight elements of a byte, in registers.
template <typename Int, int m>
__global__ void __launch_bounds__(block_threads)
    nm_mask_of_neighbours(const Int* score, Int nan_key, int n, int64_t bytes, uint8_t* mask) {
  for (int64_t byte = grid_index(); byte < bytes; byte += grid_stride()) {
    Eight<Int> keys = reinterpret_cast<const Eight<Int>*>(score)[byte];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      keys.values[i] = math::nm_key(keys.values[i], nan_key);
    }
    unsigned bits = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int first = i / m * m;
      const int rank = math::nm_rank(i - first, m, [&](int j) { return keys.values[first + j]; });
      bits |= static_cast<unsigned>(rank < n) << i;
    }
    mask[byte] = static_cast<uint8_t>(bits);
  }
}

// Any groups: a thread per byte, which finds each of its elements' groups; neighbouring threads read the same lines.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    nm_mask_of_any(const Int* score, Int nan_key, NmGroups groups, MaskLayout layout, uint8_t* mask) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const ByteSpan span = span_of_byte(layout, byte);
    int64_t chunk = span.element / groups.chunk();
    int64_t within = span.element - chunk * groups.chunk();
    unsigned bits = 0;
    for (int i = 0; i < span.count; ++i) {
      const int64_t own = within / groups.inner;
      const Int* first = score + chunk * groups.chunk() + (within - own * groups.inner);
      const auto key = [&](int j) { return math::nm_key(first[j * groups.inner], nan_key); };
      bits |= static_cast<unsigned>(math::nm_rank(static_cast<int>(own), groups.m, key) < groups.n) << i;
      if (++within == groups.chunk()) {
        within = 0;
        ++chunk;
      }
    }
    mask[byte] = static_cast<uint8_t>(bits);
  }
}

template <typename Int>
void launch(const void* data, math::FloatFormat format, const NmGroups& groups, const MaskLayout& layout, uint8_t* mask,
            cudaStream_t stream) {
  const Int* score = static_cast<const Int*>(data);
  const Int nan_key = static_cast<Int>(math::infinity_bits(format) + 1);
  const unsigned blocks = thread_blocks(layout.bytes());
  if (groups.inner == 1 && 8 % groups.m == 0 && has_aligned_eights<Int>(score, layout)) {
    const auto kernel = groups.m == 1   ? &nm_mask_of_neighbours<Int, 1>
                        : groups.m == 2 ? &nm_mask_of_neighbours<Int, 2>
                        : groups.m == 4 ? &nm_mask_of_neighbours<Int, 4>
                                        : &nm_mask_of_neighbours<Int, 8>;
    launch_kernel(kernel, blocks, stream, score, nan_key, groups.n, layout.bytes(), mask);
  } else {
    launch_kernel(nm_mask_of_any<Int>, blocks, stream, score, nan_key, groups, layout, mask);
  }
}

}  // namespace

void launch_nm_mask(const void* score, math::FloatFormat format, const NmGroups& groups, const MaskLayout& layout,
                    uint8_t* mask, cudaStream_t stream) {
  if (layout.rows * layout.row == 0) {
    return;
  }
  switch (format) {
    case math::FloatFormat::float64:
      return launch<int64_t>(score, format, groups, layout, mask, stream);
    case math::FloatFormat::float32:
      return launch<int32_t>(score, format, groups, layout, mask, stream);
    default:
      return launch<int16_t>(score, format, groups, layout, mask, stream);
  }
}

}  // namespace compress::cuda
