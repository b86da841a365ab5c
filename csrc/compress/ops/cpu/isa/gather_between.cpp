#include "compress/ops/cpu/isa/gather_between.h"

#include "compress/ops/cpu/isa/wide_keys.h"
#include "compress/ops/math/float_order.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

// Without a branch on each weight: whether one is gathered is as good as random.
template <typename Int>
Gathered gather(const Int* weight, int64_t elements, Int low, Int high, Int* keys) {
  Gathered gathered{0, 0};
  int64_t i = 0;
#if defined(__AVX512F__)
  if constexpr (sizeof(Int) <= 4) {
    const __m512i magnitude = _mm512_set1_epi32(math::all_but_sign<Int>);
    const __m512i lower = _mm512_set1_epi32(low);
    const __m512i upper = _mm512_set1_epi32(high);
    for (; i + 16 <= elements; i += 16) {
      const __m512i key = _mm512_and_si512(load_wide(weight + i), magnitude);
      const __mmask16 greater = _mm512_cmpgt_epi32_mask(key, lower);
      const __mmask16 between = _mm512_mask_cmplt_epi32_mask(greater, key, upper);
      store_wide(keys + gathered.keys, _mm512_maskz_compress_epi32(between, key));
      gathered.keys += __builtin_popcount(between);
      gathered.not_greater += 16 - __builtin_popcount(greater);
    }
  }
#endif
  for (; i < elements; ++i) {
    const Int key = math::magnitude_key(weight[i]);
    keys[gathered.keys] = key;
    gathered.keys += (key > low) & (key < high);
    gathered.not_greater += key <= low;
  }
  return gathered;
}

}  // namespace

Gathered gather_between(const void* weight, int64_t elements, int element_size, int64_t low, int64_t high, void* keys) {
  return math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    return gather(static_cast<const Int*>(weight), elements, static_cast<Int>(low), static_cast<Int>(high),
                  static_cast<Int*>(keys));
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
