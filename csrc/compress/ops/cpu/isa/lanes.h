#pragma once

// Blocks of 64 bytes of reals (a stripe of vector.h), as many vectors as that takes: an element has the same lane on
// every instruction set, so that sums over lanes have the same bits.

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "compress/ops/cpu/isa/convert.h"
#include "compress/ops/cpu/isa/grids.h"
#include "compress/ops/cpu/isa/vector.h"

namespace compress::cpu::COMPRESS_ISA {

/// Elements of a block: 16, or 8 of double.
template <typename Scalar>
inline constexpr int64_t block = stripe<Real<Scalar>>;

// keep(): the lanes whose bit is set, else +0. `bits` are the block's, `lane` is the vector's first in it.

#if defined(__AVX512F__)

COMPRESS_ISA_INLINE Vector<float> keep(Vector<float> reals, const uint8_t* bits, int) {
  __mmask16 kept;
  __builtin_memcpy(&kept, bits, sizeof(kept));
  return _mm512_maskz_mov_ps(kept, loaded_whole(reals));
}
COMPRESS_ISA_INLINE Vector<double> keep(Vector<double> reals, const uint8_t* bits, int) {
  return _mm512_maskz_mov_pd(*bits, loaded_whole(reals));
}

#else

template <typename Bits, typename Reals, typename Number>
COMPRESS_ISA_INLINE Reals keep_lanes(Reals reals, Number bits, Bits lane_bits) {
  const Bits kept = (((Bits{} + bits) & lane_bits) == lane_bits);
  return reinterpret_cast<Reals>(reinterpret_cast<Bits>(reals) & kept);
}
COMPRESS_ISA_INLINE Vector<float> keep(Vector<float> reals, const uint8_t* bits, int lane) {
  constexpr uint32_t lane_bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  UInt32Vector selected;
  __builtin_memcpy(&selected, lane_bits, sizeof(selected));
  return keep_lanes(reals, static_cast<unsigned>(bits[lane / 8]) >> (lane % 8), selected);
}
COMPRESS_ISA_INLINE Vector<double> keep(Vector<double> reals, const uint8_t* bits, int lane) {
  constexpr uint64_t lane_bits[4] = {1, 2, 4, 8};
  UInt64Vector selected;
  __builtin_memcpy(&selected, lane_bits, sizeof(selected));
  return keep_lanes(reals, static_cast<unsigned>(*bits) >> lane, selected);
}

#endif

/// Bit i is lane i of what a comparison of vectors of `Value` gave: all ones or zero.
template <typename Value, typename Truth>
COMPRESS_ISA_INLINE unsigned bits_of_lanes(Truth truth) {
  constexpr bool single = sizeof(Value) == sizeof(float);
#if defined(__AVX512F__)
  const auto all = reinterpret_cast<__m512i>(truth);
  return single ? static_cast<unsigned>(_mm512_movepi32_mask(all)) : static_cast<unsigned>(_mm512_movepi64_mask(all));
#elif defined(__AVX2__)
  return static_cast<unsigned>(single ? _mm256_movemask_ps(reinterpret_cast<__m256>(truth))
                                      : _mm256_movemask_pd(reinterpret_cast<__m256d>(truth)));
#elif defined(__SSE2__)
  return static_cast<unsigned>(single ? _mm_movemask_ps(reinterpret_cast<__m128>(truth))
                                      : _mm_movemask_pd(reinterpret_cast<__m128d>(truth)));
#else
  unsigned bits = 0;
  for (int i = 0; i < lanes<Value>; ++i) {
    bits |= (truth[i] & 1u) << i;
  }
  return bits;
#endif
}

/// The last elements of a stretch, which do not fill a block, and their bits; zeros behind them.
template <typename Scalar>
struct Remainder {
  Scalar values[block<Scalar>] = {};
  uint8_t bits[block<Scalar> / 8] = {};

  COMPRESS_ISA_INLINE Remainder(const Scalar* x, const uint8_t* from, int64_t count) {
    __builtin_memcpy(values, x, static_cast<size_t>(count) * sizeof(Scalar));
    if (from != nullptr) {
      __builtin_memcpy(bits, from, static_cast<size_t>((count + 7) / 8));
    }
  }
};

/// The grids of a vector's lanes.
template <typename Real>
struct GridPerLane {
  Vector<Real> scale;
  Vector<Real> inverse_scale;
  Vector<Real> low;
  Vector<Real> high;
};

template <typename Real>
COMPRESS_ISA_INLINE Vector<Real> load_floats(const float* from) {
  typedef float Floats __attribute__((vector_size(lanes<Real> * sizeof(float))));
  Floats floats;
  __builtin_memcpy(&floats, from, sizeof(floats));
  return __builtin_convertvector(floats, Vector<Real>);
}

/// The grids of the vector from element i on: one for all, or one per lane.
template <typename Real>
COMPRESS_ISA_INLINE const math::AffineGrid& grids_at(const OneGrid& grids, int64_t) {
  return grids.grid;
}
template <typename Real>
COMPRESS_ISA_INLINE GridPerLane<Real> grids_at(const ColumnGrids& grids, int64_t i) {
  return {load_floats<Real>(grids.scale + i), load_floats<Real>(grids.inverse_scale + i),
          load_floats<Real>(grids.low + i), load_floats<Real>(grids.high + i)};
}

/// As ATen multiplies: see math::scaled. The product of steps and scale is exact in double.
template <typename Product>
COMPRESS_ISA_INLINE Vector<float> rounded_to(Vector<float> product) {
  return product;
}
template <typename Product>
COMPRESS_ISA_INLINE Vector<double> rounded_to(Vector<double> product) {
  if constexpr (__is_same(Product, float)) {
    typedef float Floats __attribute__((vector_size(vector_bytes / 2)));
    return __builtin_convertvector(__builtin_convertvector(product, Floats), Vector<double>);
  } else {
    return product;
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
