#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cpu {

/// Packs `count` bytes of 0 or 1 to bits; the last byte of bits is filled up with 0. `bytes` has room up to a multiple
/// of eight.
COMPRESS_HOST_DEVICE void pack_bytes(uint8_t* bytes, int64_t count, uint8_t* bits) {
  int64_t i = 0;
#if defined(__AVX512BW__)
  for (; i + 64 <= count; i += 64) {
    const __m512i values = _mm512_loadu_si512(bytes + i);
    const __mmask64 packed = _mm512_test_epi8_mask(values, values);
    __builtin_memcpy(bits + i / 8, &packed, sizeof(packed));
  }
#endif
#if defined(__SSE2__)
  for (; i + 16 <= count; i += 16) {
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i));
    const auto packed = static_cast<uint16_t>(_mm_movemask_epi8(_mm_slli_epi16(values, 7)));
    __builtin_memcpy(bits + i / 8, &packed, sizeof(packed));
  }
#endif
  for (int64_t end = count; end % 8 != 0; ++end) {
    bytes[end] = 0;
  }
  for (; i < count; i += 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, bytes + i, sizeof(eight));
    bits[i / 8] = math::bits_of_bytes(eight);
  }
}

}  // namespace compress::cpu
