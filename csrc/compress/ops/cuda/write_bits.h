#pragma once

#include <cstdint>

#include "compress/core/mask_layout.h"
#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/byte_of_lanes.h"
#include "compress/ops/cuda/over_tiles.h"

// For .cu files: a bit for each element of a tensor whose mask is one stream (MaskLayout::is_one_stream).

namespace compress::cuda {

/// bits_of(element, pack) gives the bits of `count` neighbours, at most 8, from their values.
template <int count, typename T, typename BitsOf>
__device__ __forceinline__ void write_bits(const BlockRange& at, const T* x, int64_t elements, uint8_t* bytes,
                                           const BitsOf& bits_of) {
  constexpr int lanes = 8 / count;
  over_tiles<4>(
      at, elements / 8 * lanes, [&](int64_t pack) { return load_pack<count>(x + pack * count); },
      [&](int64_t pack, const Pack<T, count>& loaded, bool is_pack) {
        const unsigned byte = byte_of_lanes<count>(is_pack ? bits_of(loaded) : 0u);
        if (is_pack && threadIdx.x % lanes == 0) {
          bytes[pack / lanes] = static_cast<uint8_t>(byte);
        }
      });
}

/// The bits behind the last whole byte, by the first block; bit_of(value) is one's.
template <typename T, typename BitOf>
__device__ __forceinline__ void write_last_bits(const BlockRange& at, const T* x, int64_t elements, uint8_t* bytes,
                                                const BitOf& bit_of) {
  const int64_t rest = elements / 8 * 8;
  if (at.block == 0 && rest < elements && threadIdx.x < warp_threads) {
    const int64_t element = rest + threadIdx.x;
    const unsigned byte = byte_of_lanes<1>(element < elements ? bit_of(load_pack<1>(x + element)) : 0u);
    if (threadIdx.x == 0) {
      bytes[rest / 8] = static_cast<uint8_t>(byte);
    }
  }
}

/// Elements that an access of write_bits takes: 16 bytes of them, at most eight, or one where memory is not aligned.
template <typename T>
constexpr int bits_per_access = 16 / sizeof(T) < 8 ? 16 / sizeof(T) : 8;

}  // namespace compress::cuda
