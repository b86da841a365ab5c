#include "compress/ops/cpu/isa/key_range.h"

#include <utility>

#include "compress/ops/cpu/isa/vector.h"
#include "compress/ops/math/observe_min_max.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

template <typename Int>
void take_run(const Int* x, int64_t elements, Int* low, Int* high) {
  math::KeyRange<Int> range{*low, *high};
  for (int64_t i = 0; i < elements; ++i) {
    range.take(math::order_key(x[i]));
  }
  *low = range.low;
  *high = range.high;
}

template <int rows, typename Int>
COMPRESS_ISA_INLINE void take_rows(const Int* __restrict x, int64_t columns, Int* __restrict low,
                                   Int* __restrict high) {
  for (int64_t i = 0; i < columns; ++i) {
    math::KeyRange<Int> range{low[i], high[i]};
    for (int row = 0; row < rows; ++row) {
      range.take(math::order_key(x[row * columns + i]));
    }
    low[i] = range.low;
    high[i] = range.high;
  }
}

template <typename Int>
void take_columns(const Int* x, int64_t rows, int64_t columns, Int* low, Int* high) {
  constexpr int together = 4;  // rows for which low and high are read and written once
  int64_t row = 0;
  for (; row + together <= rows; row += together) {
    take_rows<together>(x + row * columns, columns, low, high);
  }
  for (; row < rows; ++row) {
    take_rows<1>(x + row * columns, columns, low, high);
  }
}

/// As many groups as a vector has lanes, one vector at a time: those of two groups are folded into one, whose even
/// lanes hold what is left of the first group and whose odd lanes that of the second; those of two pairs by twos, and
/// so on, until lane g holds group g. So a group costs two shuffles and not one for each halving.
template <typename Int, int lanes>
struct GroupFold {
  typedef Int Keys __attribute__((vector_size(lanes * sizeof(Int)), may_alias));
  using Lanes = std::make_integer_sequence<int, lanes>;

  struct Ends {
    Keys low;
    Keys high;
  };

  static COMPRESS_ISA_INLINE Keys lesser(Keys a, Keys b) { return a < b ? a : b; }
  static COMPRESS_ISA_INLINE Keys greater(Keys a, Keys b) { return a > b ? a : b; }

  static COMPRESS_ISA_INLINE Ends of_group(const Int* x, int64_t length) {
    Ends ends{Keys{} + math::KeyRange<Int>::highest, Keys{} + math::KeyRange<Int>::lowest};
    for (int64_t i = 0; i < length; i += lanes) {
      Keys bits;
      __builtin_memcpy(&bits, x + i, sizeof(bits));
      const Keys key = math::order_keys<Int>(bits);
      ends = {lesser(ends.low, key), greater(ends.high, key)};
    }
    return ends;
  }

  // Lanes whose number has bit `step` come from b, the others from a; of either, first_of takes its lanes without that
  // bit and second_of those with it.
  template <int step, int... lane>
  static COMPRESS_ISA_INLINE Keys first_of(Keys a, Keys b, std::integer_sequence<int, lane...>) {
    return __builtin_shufflevector(a, b, ((lane & step) == 0 ? lane : lanes + lane - step)...);
  }
  template <int step, int... lane>
  static COMPRESS_ISA_INLINE Keys second_of(Keys a, Keys b, std::integer_sequence<int, lane...>) {
    return __builtin_shufflevector(a, b, ((lane & step) == 0 ? lane + step : lanes + lane)...);
  }

  /// 2 * step groups from x on (one where step is 0), folded: a lane's number modulo their count says whose it is.
  template <int step>
  static COMPRESS_ISA_INLINE Ends fold(const Int* x, int64_t length) {
    if constexpr (step == 0) {
      return of_group(x, length);
    } else {
      const Ends a = fold<step / 2>(x, length);
      const Ends b = fold<step / 2>(x + step * length, length);
      return {lesser(first_of<step>(a.low, b.low, Lanes()), second_of<step>(a.low, b.low, Lanes())),
              greater(first_of<step>(a.high, b.high, Lanes()), second_of<step>(a.high, b.high, Lanes()))};
    }
  }
};

/// Groups first..groups - 1, one after the other.
template <typename Int>
COMPRESS_ISA_INLINE void take_each(const Int* x, int64_t first, int64_t groups, int64_t length, Int* low, Int* high) {
  for (int64_t group = first; group < groups; ++group) {
    low[group] = math::KeyRange<Int>::highest;
    high[group] = math::KeyRange<Int>::lowest;
    take_run(x + group * length, length, low + group, high + group);
  }
}

template <typename Int, int lanes>
COMPRESS_ISA_INLINE void take_groups(const Int* x, int64_t groups, int64_t length, Int* low, Int* high) {
  using Fold = GroupFold<Int, lanes>;
  for (int64_t group = 0; group + lanes <= groups; group += lanes) {
    const auto ends = Fold::template fold<lanes / 2>(x + group * length, length);
    __builtin_memcpy(low + group, &ends.low, sizeof(ends.low));
    __builtin_memcpy(high + group, &ends.high, sizeof(ends.high));
  }
  take_each(x, groups - groups % lanes, groups, length, low, high);
}

template <typename Int, int lanes = vector_bytes / sizeof(Int)>
void groups_of_length(const Int* x, int64_t groups, int64_t length, Int* low, Int* high) {
  if (length % lanes == 0) {
    return take_groups<Int, lanes>(x, groups, length, low, high);
  }
  if constexpr (lanes * sizeof(Int) > 16) {
    return groups_of_length<Int, lanes / 2>(x, groups, length, low, high);
  }
  take_each(x, 0, groups, length, low, high);
}

}  // namespace

void key_range_groups(const void* x, int64_t groups, int64_t length, int element_size, void* low, void* high) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    groups_of_length(static_cast<const Int*>(x), groups, length, static_cast<Int*>(low), static_cast<Int*>(high));
  });
}

void key_range_run(const void* x, int64_t elements, int element_size, void* low, void* high) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    take_run(static_cast<const Int*>(x), elements, static_cast<Int*>(low), static_cast<Int*>(high));
  });
}

void key_range_columns(const void* x, int64_t rows, int64_t columns, int element_size, void* low, void* high) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    take_columns(static_cast<const Int*>(x), rows, columns, static_cast<Int*>(low), static_cast<Int*>(high));
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
