#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/nm_mask.h"
#include "compress/ops/cuda/write_bits.h"
#include "compress/ops/math/divide.h"

namespace compress::cuda {
namespace {

using math::NmGroups;

// Groups of m neighbours that lie in one byte: a thread has whole groups in registers, the `count` elements of an
// access or, where a group is longer, of two or four.
template <typename Int, int m>
__global__ void __launch_bounds__(block_threads)
    nm_mask_of_neighbours(const Int* score, Int nan_key, int n, int64_t elements, uint8_t* mask) {
  constexpr int access = bits_per_access<Int>;
  constexpr int accesses = m > access ? m / access : 1;
  constexpr int count = access * accesses;
  constexpr int lanes = 8 / count;
  struct Keys {
    Pack<Int, access> packs[accesses];
  };
  over_tiles<2>(
      whole_grid(), elements / 8 * lanes,
      [&](int64_t i) {
        Keys keys;
#pragma unroll
        for (int k = 0; k < accesses; ++k) {
          keys.packs[k] = load_pack<access>(score + i * count + k * access);
        }
        return keys;
      },
      [&](int64_t i, Keys& keys, bool is_item) {
        const auto key = [&](int j) -> Int& { return keys.packs[j / access].values[j % access]; };
        unsigned bits = 0;
        if (is_item) {
#pragma unroll
          for (int j = 0; j < count; ++j) {
            key(j) = math::nm_key(key(j), nan_key);
          }
#pragma unroll
          for (int j = 0; j < count; ++j) {
            const int first = j / m * m;
            const int rank = math::nm_rank(j - first, m, [&](int other) { return key(first + other); });
            bits |= static_cast<unsigned>(rank < n) << j;
          }
        }
        bits = byte_of_lanes<count>(bits);
        if (is_item && threadIdx.x % lanes == 0) {
          mask[i / lanes] = static_cast<uint8_t>(bits);
        }
      });
}

// Any groups: a thread per byte, which finds each of its elements' groups; neighbouring threads read the same lines.
template <typename Int>
__global__ void __launch_bounds__(block_threads)
    nm_mask_of_any(const Int* score, Int nan_key, NmGroups groups, math::Divide chunk_of, math::Divide member_of,
                   MaskLayout layout, uint8_t* mask) {
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const ByteSpan span = span_of_byte(layout, byte);
    int64_t chunk = chunk_of(span.element);
    int64_t within = span.element - chunk * groups.chunk();
    unsigned bits = 0;
    for (int i = 0; i < span.count; ++i) {
      const int64_t own = member_of(within);
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
  const int64_t elements = layout.rows * layout.row;
  const bool is_whole = layout.row % 8 == 0 && Alignment(sizeof(Int), score).is_whole();
  if (groups.inner == 1 && 8 % groups.m == 0 && is_whole) {
    const auto kernel = groups.m == 1   ? &nm_mask_of_neighbours<Int, 1>
                        : groups.m == 2 ? &nm_mask_of_neighbours<Int, 2>
                        : groups.m == 4 ? &nm_mask_of_neighbours<Int, 4>
                                        : &nm_mask_of_neighbours<Int, 8>;
    launch_kernel(kernel, thread_blocks(layout.bytes()), stream, score, nan_key, groups.n, elements, mask);
  } else {
    launch_kernel(nm_mask_of_any<Int>, thread_blocks(layout.bytes()), stream, score, nan_key, groups,
                  math::Divide(groups.chunk()), math::Divide(groups.inner), layout, mask);
  }
}

}  // namespace

void launch_nm_mask(const void* score, math::FloatFormat format, const NmGroups& groups, const MaskLayout& layout,
                    uint8_t* mask, cudaStream_t stream) {
  if (layout.rows * layout.row == 0) {
    return;
  }
  math::with_integer_of(bytes_of(format),
                        [&](auto zero) { launch<decltype(zero)>(score, format, groups, layout, mask, stream); });
}

}  // namespace compress::cuda
