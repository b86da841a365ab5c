#include "compress/ops/cpu/isa/nm_mask.h"

#include <utility>

#include "compress/ops/cpu/isa/vector.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

using math::NmGroups;

/// A vector of integers as wide as the elements, and one of bytes with as many lanes.
template <typename Int>
struct Lanes {
  static constexpr int count = vector_bytes / static_cast<int>(sizeof(Int));
  typedef Int Keys __attribute__((vector_size(vector_bytes)));
  typedef int8_t Bytes __attribute__((vector_size(count)));

  static COMPRESS_ISA_INLINE Keys load_keys(const Int* score, Int nan_key) {
    Keys bits;
    __builtin_memcpy(&bits, score, sizeof(bits));
    const Keys key = bits & math::all_but_sign<Int>;
    return key < nan_key ? key : Keys{} + nan_key;
  }

  /// Writes 1 for each lane whose rank is below n, else 0.
  static COMPRESS_ISA_INLINE void store_kept(Keys rank, int n, uint8_t* kept) {
    const Bytes bytes = __builtin_convertvector(rank < static_cast<Int>(n), Bytes) & 1;
    __builtin_memcpy(kept, &bytes, sizeof(bytes));
  }
};

/// Groups of m neighbours within a vector: each lane sees the others of its group by rotating the groups.
template <typename Int, int m>
struct NeighbourGroups {
  using L = Lanes<Int>;
  using Keys = typename L::Keys;
  using AllLanes = std::make_integer_sequence<int, L::count>;

  /// -1 where the element `step` lanes on in the group goes before the own one (see nm_rank), else 0. Where it comes
  /// first, equal goes before too: key + 1 > own is key >= own.
  template <int step, int... lane>
  static COMPRESS_ISA_INLINE Keys goes_before(Keys key, std::integer_sequence<int, lane...>) {
    const Keys other = __builtin_shufflevector(key, key, (lane / m * m + (lane + step) % m)...);
    constexpr Keys comes_first = {static_cast<Int>((lane + step) % m < lane % m)...};
    return other + comes_first > key;
  }

  template <int... step>
  static COMPRESS_ISA_INLINE Keys rank(Keys key, std::integer_sequence<int, step...>) {
    Keys result = {};
    ((result -= goes_before<step + 1>(key, AllLanes())), ...);
    return result;
  }

  /// Whole vectors of `elements`; returns how many elements those are.
  static COMPRESS_ISA_INLINE int64_t keep(const Int* score, int64_t elements, int n, Int nan_key, uint8_t* kept) {
    int64_t i = 0;
    for (; i + L::count <= elements; i += L::count) {
      const Keys key = L::load_keys(score + i, nan_key);
      L::store_kept(rank(key, std::make_integer_sequence<int, m - 1>()), n, kept + i);
    }
    return i;
  }
};

/// Up to a vector's lanes of groups, a group per lane: element j of group g lies at g * group_stride + j * stride.
template <typename Int>
void keep_lanes(const Int* score, int64_t group_stride, int64_t stride, int64_t groups, int n, int m, Int nan_key,
                uint8_t* kept) {
  using L = Lanes<Int>;
  using Keys = typename L::Keys;
  Keys keys[math::max_group];
  for (int j = 0; j < m; ++j) {
    alignas(vector_bytes) Int lanes[L::count] = {};
    for (int64_t g = 0; g < groups; ++g) {
      lanes[g] = score[g * group_stride + j * stride];
    }
    keys[j] = L::load_keys(lanes, nan_key);
  }
  for (int i = 0; i < m; ++i) {
    Keys rank = {};
    for (int j = 0; j < i; ++j) {
      rank -= keys[j] >= keys[i];
    }
    for (int j = i + 1; j < m; ++j) {
      rank -= keys[j] > keys[i];
    }
    uint8_t lanes[L::count];
    L::store_kept(rank, n, lanes);
    for (int64_t g = 0; g < groups; ++g) {
      kept[g * group_stride + i * stride] = lanes[g];
    }
  }
}

/// Groups `first`..`groups` - 1 of those at `score`.
template <typename Int>
COMPRESS_ISA_INLINE void keep_groups(const Int* score, int64_t group_stride, int64_t stride, int64_t first,
                                     int64_t groups, const NmGroups& of, Int nan_key, uint8_t* kept) {
  for (int64_t g = first; g < groups; g += Lanes<Int>::count) {
    const int64_t count = groups - g < Lanes<Int>::count ? groups - g : Lanes<Int>::count;
    keep_lanes(score + g * group_stride, group_stride, stride, count, of.n, of.m, nan_key, kept + g * group_stride);
  }
}

template <typename Int, int m>
COMPRESS_ISA_INLINE int64_t keep_neighbours(const Int* score, int64_t elements, int n, Int nan_key, uint8_t* kept) {
  if constexpr (m <= Lanes<Int>::count) {
    return NeighbourGroups<Int, m>::keep(score, elements, n, nan_key, kept);
  }
  return 0;
}

/// Groups along the last dimension. Returns the elements done: all but what is left of a vector.
template <typename Int>
COMPRESS_ISA_INLINE int64_t keep_whole_vectors(const Int* score, int64_t elements, const NmGroups& groups, Int nan_key,
                                               uint8_t* kept) {
  switch (groups.m) {
    case 2:
      return keep_neighbours<Int, 2>(score, elements, groups.n, nan_key, kept);
    case 4:
      return keep_neighbours<Int, 4>(score, elements, groups.n, nan_key, kept);
    case 8:
      return keep_neighbours<Int, 8>(score, elements, groups.n, nan_key, kept);
    case 16:
      return keep_neighbours<Int, 16>(score, elements, groups.n, nan_key, kept);
    default:
      return 0;
  }
}

template <typename Int>
COMPRESS_ISA_INLINE void keep_chunks(const Int* score, const NmGroups& groups, int64_t chunks, Int nan_key,
                                     uint8_t* kept) {
  if (groups.inner == 1) {
    const int64_t done = keep_whole_vectors(score, chunks * groups.m, groups, nan_key, kept) / groups.m;
    keep_groups(score, groups.m, 1, done, chunks, groups, nan_key, kept);
    return;
  }
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    const int64_t begin = chunk * groups.chunk();
    keep_groups(score + begin, 1, groups.inner, 0, groups.inner, groups, nan_key, kept + begin);
  }
}

void pack(uint8_t* kept, int64_t elements, uint8_t* bits) {
  for (int64_t i = elements; i % 8 != 0; ++i) {
    kept[i] = 0;
  }
  for (int64_t i = 0; i < elements; i += 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, kept + i, sizeof(eight));
    bits[i / 8] = math::bits_of_bytes(eight);
  }
}

}  // namespace

void nm_mask_run(const void* score, int element_size, int64_t nan_key, const NmGroups& groups, int64_t chunks,
                 uint8_t* kept, uint8_t* bits) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    keep_chunks(static_cast<const Int*>(score), groups, chunks, static_cast<Int>(nan_key), kept);
  });
  pack(kept, chunks * groups.chunk(), bits);
}

}  // namespace compress::cpu::COMPRESS_ISA
