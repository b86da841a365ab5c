#include "compress/ops/cpu/isa/nm_mask.h"

#include <utility>

#include "compress/ops/cpu/isa/pack_bytes.h"
#include "compress/ops/cpu/isa/vector.h"

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

/// Groups side by side, one per lane: keys[j] holds their j-th elements. Calls store(i, rank) for each i in order.
template <typename Int, typename Store>
COMPRESS_ISA_INLINE void rank_lanes(const typename Lanes<Int>::Keys* keys, int m, const Store& store) {
  for (int i = 0; i < m; ++i) {
    typename Lanes<Int>::Keys rank = {};
    for (int j = 0; j < i; ++j) {
      rank -= keys[j] >= keys[i];
    }
    for (int j = i + 1; j < m; ++j) {
      rank -= keys[j] > keys[i];
    }
    store(i, rank);
  }
}

/// Up to a vector's lanes of groups along the last dimension, gathered to lanes.
template <typename Int>
void keep_gathered(const Int* score, int64_t groups, int n, int m, Int nan_key, uint8_t* kept) {
  using L = Lanes<Int>;
  typename L::Keys keys[math::max_group];
  for (int j = 0; j < m; ++j) {
    Int lanes[L::count] = {};
    for (int64_t g = 0; g < groups; ++g) {
      lanes[g] = score[g * m + j];
    }
    keys[j] = L::load_keys(lanes, nan_key);
  }
  rank_lanes<Int>(
      keys, m, [&](int i, typename L::Keys rank) __attribute__((always_inline)) {
        uint8_t lanes[L::count];
        L::store_kept(rank, n, lanes);
        for (int64_t g = 0; g < groups; ++g) {
          kept[g * m + i] = lanes[g];
        }
      });
}

/// Up to a vector's lanes of groups whose elements are `inner` apart: element j of group g lies at j * inner + g.
/// `reads_on`: whole vectors may be read, also beyond the groups. `writes_on`: and as many bytes be written, which what
/// comes next overwrites.
template <typename Int>
void keep_adjacent(const Int* score, int64_t inner, int64_t groups, bool reads_on, bool writes_on, const NmGroups& of,
                   Int nan_key, uint8_t* kept) {
  using L = Lanes<Int>;
  typename L::Keys keys[math::max_group];
  for (int j = 0; j < of.m; ++j) {
    if (reads_on) {
      keys[j] = L::load_keys(score + j * inner, nan_key);
    } else {
      Int lanes[L::count] = {};
      __builtin_memcpy(lanes, score + j * inner, groups * sizeof(Int));
      keys[j] = L::load_keys(lanes, nan_key);
    }
  }
  rank_lanes<Int>(
      keys, of.m, [&](int i, typename L::Keys rank) __attribute__((always_inline)) {
        if (writes_on) {
          L::store_kept(rank, of.n, kept + i * inner);
        } else {
          uint8_t lanes[L::count];
          L::store_kept(rank, of.n, lanes);
          __builtin_memcpy(kept + i * inner, lanes, groups);
        }
      });
}

/// The groups of a conv weight's chunk that begins at element `begin` of `elements`.
template <typename Int>
COMPRESS_ISA_INLINE void keep_chunk(const Int* score, int64_t begin, int64_t elements, const NmGroups& groups,
                                    Int nan_key, uint8_t* kept) {
  constexpr int lanes = Lanes<Int>::count;
  for (int64_t g = 0; g < groups.inner; g += lanes) {
    const int64_t first = begin + g;
    const int64_t count = groups.inner - g < lanes ? groups.inner - g : lanes;
    const bool reads_on = first + (groups.m - 1) * groups.inner + lanes <= elements;
    const bool writes_on = reads_on && (count == lanes || groups.inner < lanes);
    keep_adjacent(score + first, groups.inner, count, reads_on, writes_on, groups, nan_key, kept + first);
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
  const int64_t elements = chunks * groups.chunk();
  if (groups.inner > 1) {
    for (int64_t begin = 0; begin < elements; begin += groups.chunk()) {
      keep_chunk(score, begin, elements, groups, nan_key, kept);
    }
    return;
  }
  int64_t i = keep_whole_vectors(score, elements, groups, nan_key, kept);
  for (const int64_t step = Lanes<Int>::count * groups.m; i < elements; i += step) {
    const int64_t count = (elements - i < step ? elements - i : step) / groups.m;
    keep_gathered(score + i, count, groups.n, groups.m, nan_key, kept + i);
  }
}

}  // namespace

void nm_mask_run(const void* score, int element_size, int64_t nan_key, const NmGroups& groups, int64_t chunks,
                 uint8_t* kept, uint8_t* bits) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    keep_chunks(static_cast<const Int*>(score), groups, chunks, static_cast<Int>(nan_key), kept);
  });
  pack_bytes(kept, chunks * groups.chunk(), bits);
}

}  // namespace compress::cpu::COMPRESS_ISA
