#include "compress/ops/cpu/isa/radix_histogram.h"

#include "compress/ops/cpu/isa/wide_keys.h"
#include "compress/ops/math/float_order.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

// Neighbouring weights often fall into one bin, and a counter cannot be added to again before its last store is done:
// turns of counters hide that wait.
constexpr int turns = 8;
constexpr int64_t counted_at_once = int64_t{1} << 30;  // fits the 32-bit counters

template <typename Int>
void count_all(const Int* weight, int64_t elements, math::RadixDigit digit, int64_t* bins) {
  uint32_t counts[turns][math::radix_bins] = {};
  int64_t i = 0;
  for (; i + turns <= elements; i += turns) {
    for (int turn = 0; turn < turns; ++turn) {
      ++counts[turn][digit.of(math::magnitude_key(weight[i + turn]))];
    }
  }
  for (; i < elements; ++i) {
    ++counts[0][digit.of(math::magnitude_key(weight[i]))];
  }
  for (int bin = 0; bin < math::radix_bins; ++bin) {
    for (int turn = 0; turn < turns; ++turn) {
      bins[bin] += counts[turn][bin];
    }
  }
}

// The few weights that share the prefix are gathered first, without a branch on each: whether one does is as good as
// random, and one in twenty mispredicted costs more than the whole pass.
template <typename Int>
int64_t gather_sharing(const Int* weight, int64_t elements, Int prefix, math::RadixDigit digit, Int* gathered) {
  int64_t count = 0;
  int64_t i = 0;
#if defined(__AVX512F__)
  if constexpr (sizeof(Int) <= 4) {
    const __m512i magnitude = _mm512_set1_epi32(math::all_but_sign<Int>);
    const auto above =
        static_cast<int32_t>(~((uint32_t{1} << (digit.shift + digit.width)) - 1)) & math::all_but_sign<Int>;
    const __m512i wanted = _mm512_set1_epi32(prefix & above);
    for (; i + 16 <= elements; i += 16) {
      const __m512i keys = _mm512_and_si512(load_wide(weight + i), magnitude);
      const __mmask16 shared = _mm512_cmpeq_epi32_mask(_mm512_and_si512(keys, _mm512_set1_epi32(above)), wanted);
      store_wide(gathered + count, _mm512_maskz_compress_epi32(shared, keys));
      count += __builtin_popcount(shared);
    }
  }
#endif
  for (; i < elements; ++i) {
    const Int key = math::magnitude_key(weight[i]);
    gathered[count] = key;
    count += digit.shares_prefix(key, prefix) ? 1 : 0;
  }
  return count;
}

template <typename Int>
void count_sharing(const Int* weight, int64_t elements, Int prefix, math::RadixDigit digit, int64_t* bins) {
  constexpr int64_t block = 1024;
  Int gathered[block + 16];  // a vector is stored whole
  for (int64_t begin = 0; begin < elements; begin += block) {
    const int64_t count =
        gather_sharing(weight + begin, elements - begin < block ? elements - begin : block, prefix, digit, gathered);
    for (int64_t i = 0; i < count; ++i) {
      ++bins[digit.of(gathered[i])];
    }
  }
}

template <typename Int>
void count(const Int* weight, int64_t elements, Int prefix, math::RadixDigit digit, int64_t* bins) {
  const bool first_digit = digit.shift + digit.width == 8 * static_cast<int>(sizeof(Int)) - 1;
  if (!first_digit || elements < math::radix_bins) {
    return count_sharing(weight, elements, prefix, digit, bins);
  }
  for (int64_t begin = 0; begin < elements; begin += counted_at_once) {
    count_all(weight + begin, elements - begin < counted_at_once ? elements - begin : counted_at_once, digit, bins);
  }
}

}  // namespace

void radix_histogram(const void* weight, int64_t elements, int element_size, int64_t prefix, math::RadixDigit digit,
                     int64_t* bins) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    count(static_cast<const Int*>(weight), elements, static_cast<Int>(prefix), digit, bins);
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
