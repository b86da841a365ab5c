#pragma once

// Flags as wide as the values that they are about, so that a loop which sets them vectorises without narrowing.

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::cpu {

/// Bit i is the sign of flags[i], for eight flags: 0 or -1.
COMPRESS_HOST_DEVICE uint8_t byte_of_flags(const int32_t* flags) {
#if defined(__AVX2__)
  return static_cast<uint8_t>(
      _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(flags)))));
#elif defined(__SSE2__)
  const auto four = [](const int32_t* from) __attribute__((always_inline)) {
    return _mm_movemask_ps(_mm_castsi128_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  };
  return static_cast<uint8_t>(four(flags) | four(flags + 4) << 4);
#else
  unsigned byte = 0;
  for (int i = 0; i < 8; ++i) {
    byte |= (flags[i] & 1u) << i;
  }
  return static_cast<uint8_t>(byte);
#endif
}

COMPRESS_HOST_DEVICE uint8_t byte_of_flags(const int64_t* flags) {
  unsigned byte = 0;
  for (int i = 0; i < 8; ++i) {
    byte |= (flags[i] & 1u) << i;
  }
  return static_cast<uint8_t>(byte);
}

/// Packs `count` flags; `flags` has room up to a multiple of eight, and the last byte's other bits become 0.
template <typename Flag>
COMPRESS_HOST_DEVICE void pack_flags(Flag* flags, int64_t count, uint8_t* bytes) {
  for (int64_t i = count; i % 8 != 0; ++i) {
    flags[i] = 0;
  }
  int64_t i = 0;
#if defined(__AVX512DQ__)
  if constexpr (sizeof(Flag) == 4) {
    for (; i + 16 <= count; i += 16) {
      const __mmask16 sixteen = _mm512_movepi32_mask(_mm512_loadu_si512(flags + i));
      __builtin_memcpy(bytes + i / 8, &sixteen, sizeof(sixteen));
    }
  }
#endif
  for (; i < count; i += 8) {
    bytes[i / 8] = byte_of_flags(flags + i);
  }
}

}  // namespace compress::cpu
