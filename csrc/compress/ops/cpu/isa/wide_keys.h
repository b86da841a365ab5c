#pragma once

#if defined(__AVX512F__)

#include <immintrin.h>

#include <cstdint>

#include "compress/ops/cpu/isa/vector.h"

// Sixteen integers of 16 or 32 bits as lanes of 32: the narrowest that AVX-512 F compresses.

namespace compress::cpu::COMPRESS_ISA {

COMPRESS_ISA_INLINE __m512i load_wide(const int32_t* x) {
  return _mm512_loadu_si512(x);
}
COMPRESS_ISA_INLINE __m512i load_wide(const int16_t* x) {
  constexpr __mmask16 all_lanes = 0xffff;  // GCC warns of the form without a mask
  return _mm512_maskz_cvtepu16_epi32(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
}

COMPRESS_ISA_INLINE void store_wide(int32_t* to, __m512i lanes) {
  _mm512_storeu_si512(to, lanes);
}
COMPRESS_ISA_INLINE void store_wide(int16_t* to, __m512i lanes) {
  constexpr __mmask16 all_lanes = 0xffff;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_maskz_cvtepi32_epi16(all_lanes, lanes));
}

}  // namespace compress::cpu::COMPRESS_ISA

#endif
