#pragma once

// Stretches of float16 and bfloat16 to float and back: the same bits as to_real and from_real of number.h, with the
// processor's own conversions where it has them. The compiler would not find these in a loop over bit arithmetic, nor
// narrow 32 to 16 bits without a detour.

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstdint>

#include "compress/ops/cpu/isa/number.h"

namespace compress::cpu {

#if defined(__AVX512F__)

inline constexpr int64_t converted_lanes = 16;

COMPRESS_HOST_DEVICE void to_reals(const float16* x, float* reals) {
  _mm512_storeu_ps(reals, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))));
}
COMPRESS_HOST_DEVICE void to_reals(const bfloat16* x, float* reals) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  _mm512_storeu_si512(reals, _mm512_slli_epi32(wide, 16));
}
COMPRESS_HOST_DEVICE void from_reals(const float* reals, float16* y) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y),
                      _mm512_cvtps_ph(_mm512_loadu_ps(reals), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
COMPRESS_HOST_DEVICE void from_reals(const float* reals, bfloat16* y) {
  const __m512 values = _mm512_loadu_ps(reals);
  const __m512i bits = _mm512_castps_si512(values);
  const __m512i one = _mm512_set1_epi32(1);
  const __m512i below_half = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  const __m512i rounded = _mm512_mask_add_epi32(below_half, odd, below_half, one);
  const __mmask16 nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
}

#elif defined(__AVX2__)

inline constexpr int64_t converted_lanes = 8;

COMPRESS_HOST_DEVICE void to_reals(const float16* x, float* reals) {
  _mm256_storeu_ps(reals, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
}
COMPRESS_HOST_DEVICE void to_reals(const bfloat16* x, float* reals) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(reals), _mm256_slli_epi32(wide, 16));
}
COMPRESS_HOST_DEVICE void from_reals(const float* reals, float16* y) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y),
                   _mm256_cvtps_ph(_mm256_loadu_ps(reals), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
COMPRESS_HOST_DEVICE void from_reals(const float* reals, bfloat16* y) {
  const __m256 values = _mm256_loadu_ps(reals);
  const __m256i bits = _mm256_castps_si256(values);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(values, values, _CMP_UNORD_Q));
  const __m256i result = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y),
                   _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1)));
}

#else

inline constexpr int64_t converted_lanes = 1;

template <typename Scalar>
COMPRESS_HOST_DEVICE void to_reals(const Scalar* x, float* reals) {
  *reals = to_real(*x);
}
template <typename Scalar>
COMPRESS_HOST_DEVICE void from_reals(const float* reals, Scalar* y) {
  from_real(*reals, *y);
}

#endif

template <typename Scalar>
COMPRESS_HOST_DEVICE void to_reals(const Scalar* __restrict__ x, int64_t count, float* __restrict__ reals) {
  int64_t i = 0;
  for (; i + converted_lanes <= count; i += converted_lanes) {
    to_reals(x + i, reals + i);
  }
  for (; i < count; ++i) {
    reals[i] = to_real(x[i]);
  }
}

template <typename Scalar>
COMPRESS_HOST_DEVICE void from_reals(const float* __restrict__ reals, int64_t count, Scalar* __restrict__ y) {
  int64_t i = 0;
  for (; i + converted_lanes <= count; i += converted_lanes) {
    from_reals(reals + i, y + i);
  }
  for (; i < count; ++i) {
    from_real(reals[i], y[i]);
  }
}

}  // namespace compress::cpu
