#pragma once

// bfloat16 two at a time, in 32 bits: the even element is the lower half, moved up, the odd one is what is left without
// it. That is half the work of widening, and of narrowing again; it fits where the order of elements does not matter.

#include <limits>
#include <type_traits>

#include "compress/ops/cpu/isa/lanes.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {

/// Elements of 64 bytes.
inline constexpr int64_t pair_block = stripe_bytes / static_cast<int64_t>(sizeof(bfloat16));

COMPRESS_ISA_INLINE UInt32Vector load_pairs(const bfloat16* x) {
  UInt32Vector pairs;
  __builtin_memcpy(&pairs, x, sizeof(pairs));
  return pairs;
}
COMPRESS_ISA_INLINE Vector<float> even_reals(UInt32Vector pairs) {
  return reinterpret_cast<Vector<float>>(pairs << 16);
}
COMPRESS_ISA_INLINE Vector<float> odd_reals(UInt32Vector pairs) {
  return reinterpret_cast<Vector<float>>(pairs & 0xffff0000u);
}

/// Those whose bit is set, else +0. `bits` are the block's, `element` is the vector's first in it.
COMPRESS_ISA_INLINE UInt32Vector keep_pairs(UInt32Vector pairs, const uint8_t* bits, int element) {
#if defined(__AVX512BW__)
  __mmask32 kept;
  __builtin_memcpy(&kept, bits, sizeof(kept));
  const auto values = reinterpret_cast<__m512i>(loaded_whole(pairs));
  return reinterpret_cast<UInt32Vector>(_mm512_maskz_mov_epi16(kept, values));
#else
  typedef uint16_t Elements __attribute__((vector_size(vector_bytes)));
  constexpr uint16_t lane_bits[16] = {0x1,   0x2,   0x4,   0x8,   0x10,   0x20,   0x40,   0x80,
                                      0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000};
  Elements selected;
  __builtin_memcpy(&selected, lane_bits, sizeof(selected));
  uint16_t here = bits[element / 8];
  if constexpr (vector_bytes > 16) {
    here = static_cast<uint16_t>(here | bits[element / 8 + 1] << 8);
  }
  return keep_lanes(pairs, here, selected);
#endif
}

/// Bit i is element i of what comparisons of the even and of the odd gave: all ones or zero.
template <typename Truth>
COMPRESS_ISA_INLINE unsigned bits_of_pairs(Truth even, Truth odd) {
  const UInt32Vector pairs =
      (reinterpret_cast<UInt32Vector>(even) & 0xffffu) | (reinterpret_cast<UInt32Vector>(odd) & 0xffff0000u);
#if defined(__AVX512BW__)
  return _mm512_movepi16_mask(reinterpret_cast<__m512i>(pairs));
#elif defined(__AVX2__)
  const auto elements = reinterpret_cast<__m256i>(pairs);
  const auto bits = static_cast<unsigned>(_mm256_movemask_epi8(_mm256_packs_epi16(elements, elements)));
  return (bits & 0xffu) | (bits >> 8 & 0xff00u);
#elif defined(__SSE2__)
  const auto elements = reinterpret_cast<__m128i>(pairs);
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(elements, elements))) & 0xffu;
#else
  unsigned bits = 0;
  for (int i = 0; i < lanes<float>; ++i) {
    bits |= (pairs[i] & 1u) << (2 * i) | (pairs[i] >> 31) << (2 * i + 1);
  }
  return bits;
#endif
}

/// Whether the processor may round results of this grid to bfloat16. It flushes subnormals to zero; but a result is 0
/// or at least one step, which is normal where the scale is.
COMPRESS_ISA_INLINE bool processor_may_round(const math::AffineGrid& grid) {
#if defined(__AVX512F__)
  return grid.scale >= std::numeric_limits<float>::min() && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

/// Rounds half to even in the upper half. A NaN's lower half must be zero, as of one that came from a bfloat16: then
/// the addition carries nothing upwards, and it needs no test.
COMPRESS_ISA_INLINE UInt32Vector rounded_to_upper_half(Vector<float> reals) {
#if defined(__AVX512F__)
  const __m512i bits = _mm512_castps_si512(reals);
  const __m512i below_half = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  return reinterpret_cast<UInt32Vector>(_mm512_mask_add_epi32(below_half, odd, below_half, _mm512_set1_epi32(1)));
#else
  const UInt32Vector bits = reinterpret_cast<UInt32Vector>(reals);
  return bits + 0x7fffu + ((bits >> 16) & 1u);
#endif
}

/// A scale's NaN, which may have any payload, becomes one that rounded_to_upper_half takes.
COMPRESS_ISA_INLINE math::AffineGrid with_plain_nan(math::AffineGrid grid) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  grid.scale = grid.scale == grid.scale ? grid.scale : nan;
  grid.inverse_scale = grid.inverse_scale == grid.inverse_scale ? grid.inverse_scale : nan;
  return grid;
}

template <bool by_processor>
COMPRESS_ISA_INLINE void store_pairs(bfloat16* y, Vector<float> even, Vector<float> odd) {
#if defined(__AVX512F__)
  if constexpr (by_processor) {
    alignas(64) static constexpr uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    // As assembly: one instruction of a set that is asked for at run time is no reason for another variant.
    __m512i halves;
    __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(halves) : "v"(odd), "v"(even));
    _mm512_storeu_si512(y, _mm512_maskz_permutexvar_epi16(0xffffffffu, _mm512_load_si512(order), halves));
    return;
  }
#endif
  const UInt32Vector pairs = (rounded_to_upper_half(even) >> 16) | (rounded_to_upper_half(odd) & 0xffff0000u);
  __builtin_memcpy(y, &pairs, sizeof(pairs));
}

/// Calls body(i, grid, by_processor) for the blocks of pairs in `count` elements under one grid; by_processor is a
/// type, true or false. Returns how many elements they are.
template <typename Body>
COMPRESS_ISA_INLINE int64_t over_pair_blocks(const math::AffineGrid& grid, int64_t count, const Body& body) {
  int64_t i = 0;
  if (processor_may_round(grid)) {
    for (; i + pair_block <= count; i += pair_block) {
      body(i, grid, std::true_type{});
    }
  } else {
    const math::AffineGrid plain = with_plain_nan(grid);
    for (; i + pair_block <= count; i += pair_block) {
      body(i, plain, std::false_type{});
    }
  }
  return i;
}

}  // namespace compress::cpu::COMPRESS_ISA
