#pragma once

#include "compress/ops/cpu/isa/gather_between.h"
#include "compress/ops/cpu/isa/vector.h"
#include "compress/ops/cpu/isa/wide_keys.h"
#include "compress/ops/math/float_order.h"

namespace compress::cpu::COMPRESS_ISA {

/// gather_between. Without a branch on each weight: whether one is gathered is as good as random, and one in twenty
/// mispredicted costs more than the whole pass.
template <typename Int>
COMPRESS_ISA_INLINE Gathered gather_keys(const Int* weight, int64_t elements, Int low, Int high, Int* keys) {
  Gathered gathered{0, 0};
  int64_t i = 0;
#if defined(__AVX512F__)
  if constexpr (sizeof(Int) <= 4) {
    const __m512i magnitude = _mm512_set1_epi32(math::all_but_sign<Int>);
    const __m512i least = _mm512_set1_epi32(low);
    // low <= key <= high is one comparison: key - low < width, without a sign.
    const uint32_t width = high < low ? 0 : static_cast<uint32_t>(high) - static_cast<uint32_t>(low) + 1;
    const __m512i widths = _mm512_set1_epi32(static_cast<int32_t>(width));
    for (; i + 16 <= elements; i += 16) {
      const __m512i key = _mm512_and_si512(load_wide(weight + i), magnitude);
      const __mmask16 between = _mm512_cmplt_epu32_mask(_mm512_sub_epi32(key, least), widths);
      store_wide(keys + gathered.keys, _mm512_maskz_compress_epi32(between, key));
      gathered.keys += __builtin_popcount(between);
      gathered.below += __builtin_popcount(_mm512_cmplt_epi32_mask(key, least));
    }
  }
#endif
  for (; i < elements; ++i) {
    const Int key = math::magnitude_key(weight[i]);
    keys[gathered.keys] = key;
    gathered.keys += (key >= low) & (key <= high);
    gathered.below += key < low;
  }
  return gathered;
}

}  // namespace compress::cpu::COMPRESS_ISA
