#include "compress/ops/cpu/isa/radix_histogram.h"

#include "compress/ops/cpu/isa/gather_keys.h"
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

// The few weights that share the prefix are gathered first.
template <typename Int>
void count_sharing(const Int* weight, int64_t elements, Int prefix, math::RadixDigit digit, int64_t* bins) {
  constexpr int64_t block = 1024;
  Int gathered[block + gather_overhang];
  const auto last = static_cast<Int>(prefix | static_cast<Int>((uint64_t{1} << (digit.shift + digit.width)) - 1));
  for (int64_t begin = 0; begin < elements; begin += block) {
    const int64_t length = elements - begin < block ? elements - begin : block;
    const int64_t count = gather_keys(weight + begin, length, prefix, last, gathered).keys;
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
