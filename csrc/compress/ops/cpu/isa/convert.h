#pragma once

// Vectors of float from float16 and bfloat16 and back, and whole stretches: the same bits as to_real and from_real of
// number.h, with the processor's own conversions where it has them. The compiler would not find those in bit
// arithmetic, nor narrow 32 to 16 bits without a detour.

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstdint>

#include "compress/ops/cpu/isa/number.h"
#include "compress/ops/cpu/isa/vector.h"

namespace compress::cpu::COMPRESS_ISA {

COMPRESS_ISA_INLINE Vector<float> load_reals(const float* x) {
  return load(x);
}
COMPRESS_ISA_INLINE Vector<double> load_reals(const double* x) {
  return load(x);
}
COMPRESS_ISA_INLINE void store_reals(float* y, Vector<float> reals) {
  store(y, reals);
}
COMPRESS_ISA_INLINE void store_reals(double* y, Vector<double> reals) {
  store(y, reals);
}

#if defined(__AVX512F__)

// The forms with a mask of all lanes: GCC warns that the others read what they leave undefined.
inline constexpr __mmask16 all_lanes = 0xffff;

COMPRESS_ISA_INLINE Vector<float> load_reals(const float16* x) {
  return _mm512_maskz_cvtph_ps(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
}
COMPRESS_ISA_INLINE Vector<float> load_reals(const bfloat16* x) {
  const __m512i wide = _mm512_maskz_cvtepu16_epi32(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(all_lanes, wide, 16));
}
COMPRESS_ISA_INLINE void store_reals(float16* y, Vector<float> reals) {
  const __m256i halves = _mm512_maskz_cvtps_ph(all_lanes, reals, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), halves);
}
COMPRESS_ISA_INLINE void store_upper_halves(bfloat16* y, Vector<float> reals) {
  const __m512i shifted = _mm512_maskz_srli_epi32(all_lanes, _mm512_castps_si512(reals), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_maskz_cvtepi32_epi16(all_lanes, shifted));
}
COMPRESS_ISA_INLINE void store_reals(bfloat16* y, Vector<float> reals) {
  // bfloat16_in_upper_half in fewer steps: the odd and the NaN are mask registers.
  const __m512i bits = _mm512_castps_si512(reals);
  const __m512i below_half = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  const __m512i rounded = _mm512_mask_add_epi32(below_half, odd, below_half, _mm512_set1_epi32(1));
  const __mmask16 nan = _mm512_cmp_ps_mask(reals, reals, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  store_upper_halves(y, _mm512_castsi512_ps(result));
}

#elif defined(__AVX2__)

COMPRESS_ISA_INLINE Vector<float> load_reals(const float16* x) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
}
COMPRESS_ISA_INLINE Vector<float> load_reals(const bfloat16* x) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
COMPRESS_ISA_INLINE void store_reals(float16* y, Vector<float> reals) {
  const __m128i halves = _mm256_cvtps_ph(reals, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y), halves);
}
COMPRESS_ISA_INLINE void store_upper_halves(bfloat16* y, Vector<float> reals) {
  const __m256i upper = _mm256_srli_epi32(_mm256_castps_si256(reals), 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y),
                   _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1)));
}
COMPRESS_ISA_INLINE void store_reals(bfloat16* y, Vector<float> reals) {
  const __m256i bits = _mm256_castps_si256(reals);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(reals, reals, _CMP_UNORD_Q));
  store_upper_halves(y, _mm256_castsi256_ps(_mm256_blendv_epi8(rounded, quiet, nan)));
}

#else

namespace detail {

typedef uint16_t HalfBits __attribute__((vector_size(vector_bytes / 2), may_alias));

COMPRESS_ISA_INLINE UInt32Vector load_bits(const void* x) {
  HalfBits halves;
  __builtin_memcpy(&halves, x, sizeof(halves));
  return __builtin_convertvector(halves, UInt32Vector);
}
COMPRESS_ISA_INLINE void store_bits(void* y, UInt32Vector bits) {
  const HalfBits halves = __builtin_convertvector(bits, HalfBits);
  __builtin_memcpy(y, &halves, sizeof(halves));
}

}  // namespace detail

COMPRESS_ISA_INLINE Vector<float> load_reals(const bfloat16* x) {
  return reinterpret_cast<Vector<float>>(detail::load_bits(x) << 16);
}
COMPRESS_ISA_INLINE void store_upper_halves(bfloat16* y, Vector<float> reals) {
  detail::store_bits(y, reinterpret_cast<UInt32Vector>(reals) >> 16);
}
COMPRESS_ISA_INLINE void store_reals(bfloat16* y, Vector<float> reals) {
  detail::store_bits(y, bfloat16_in_upper_half<UInt32Vector>(reals) >> 16);
}
COMPRESS_ISA_INLINE Vector<float> load_reals(const float16* x) {
  return real_of_half<Vector<float>>(detail::load_bits(x));
}
COMPRESS_ISA_INLINE void store_reals(float16* y, Vector<float> reals) {
  detail::store_bits(y, half_of_real<UInt32Vector>(reals));
}

#endif

/// Reals that are numbers of the type already: those of bfloat16 need no rounding.
template <typename Scalar>
COMPRESS_ISA_INLINE void store_exact(Scalar* y, Vector<Real<Scalar>> reals) {
  if constexpr (__is_same(Scalar, bfloat16)) {
    store_upper_halves(y, reals);
  } else {
    store_reals(y, reals);
  }
}

template <typename Scalar>
COMPRESS_ISA_INLINE void to_reals(const Scalar* __restrict__ x, int64_t count, float* __restrict__ reals) {
  int64_t i = 0;
  for (; i + lanes<float> <= count; i += lanes<float>) {
    store(reals + i, load_reals(x + i));
  }
  for (; i < count; ++i) {
    reals[i] = to_real(x[i]);
  }
}

template <typename Scalar>
COMPRESS_ISA_INLINE void from_reals(const float* __restrict__ reals, int64_t count, Scalar* __restrict__ y) {
  int64_t i = 0;
  for (; i + lanes<float> <= count; i += lanes<float>) {
    store_reals(y + i, load(reals + i));
  }
  for (; i < count; ++i) {
    from_real(reals[i], y[i]);
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
