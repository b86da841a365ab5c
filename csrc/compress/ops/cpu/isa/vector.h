#pragma once

// Vectors through the compiler's own extension: no intrinsics. For the sources of this folder only: the types follow
// the instruction set, so they live in its namespace.
//
// Every instruction set must give the same bits, sums included. So memory is read in stripes of 64 bytes; a vector
// covers one of the `groups` parts of a stripe, and a loop runs over all stripes for one group after the other. Each
// of a stripe's lanes then adds up the same elements in the same order whatever the width.

#include <cstdint>
#include <limits>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // no vector crosses a call: all is inlined
#endif

#define COMPRESS_ISA_INLINE inline __attribute__((always_inline))

namespace compress::cpu::COMPRESS_ISA {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif
inline constexpr int stripe_bytes = 64;
inline constexpr int groups = stripe_bytes / vector_bytes;

typedef float FloatVector __attribute__((vector_size(vector_bytes), may_alias));
typedef double DoubleVector __attribute__((vector_size(vector_bytes), may_alias));
typedef uint32_t UInt32Vector __attribute__((vector_size(vector_bytes), may_alias));
typedef uint64_t UInt64Vector __attribute__((vector_size(vector_bytes), may_alias));

template <typename Real>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type = FloatVector;
  using Bits = UInt32Vector;
};
template <>
struct VectorOf<double> {
  using Type = DoubleVector;
  using Bits = UInt64Vector;
};

template <typename Real>
using Vector = typename VectorOf<Real>::Type;
template <typename Real>
using BitsVector = typename VectorOf<Real>::Bits;

template <typename Real>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(Real));
template <typename Real>
inline constexpr int stripe = stripe_bytes / static_cast<int>(sizeof(Real));

template <typename Real>
COMPRESS_ISA_INLINE Vector<Real> broadcast(Real value) {
  return Vector<Real>{} + value;
}

template <typename Real>
COMPRESS_ISA_INLINE Vector<Real> load(const Real* from) {
  Vector<Real> result;
  __builtin_memcpy(&result, from, sizeof(result));
  return result;
}

/// The same value, of whose load the compiler knows nothing any more: it would make one masked load of a load and a
/// selection by a mask register. Those do not set off the prefetcher (Zen 5), and memory streams take 2.5 times as
/// long.
template <typename Values>
COMPRESS_ISA_INLINE Values loaded_whole(Values values) {
#if defined(__AVX512F__)
  __asm__("" : "+v"(values));
#endif
  return values;
}

template <typename Real>
COMPRESS_ISA_INLINE void store(Real* to, Vector<Real> value) {
  __builtin_memcpy(to, &value, sizeof(value));
}

}  // namespace compress::cpu::COMPRESS_ISA
