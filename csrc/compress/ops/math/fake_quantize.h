#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::math {

// `Real` is float, or double for double tensors, which ATen multiplies in double; on the CPU also the compiler's vector
// of either, whose comparisons select lane by lane. `Grid` is an AffineGrid, or holds a grid per lane.

/// Rounds half to even. Exact for |x| <= 2^22 (2^51 in double); beyond, the result stays beyond, which is all that a
/// clamp needs. On the CPU by a shift into the binade where the ulp is 1: two additions on every instruction set,
/// where nearbyint is a library call without SSE4.1. -0.4 gives +0.
COMPRESS_HOST_DEVICE float round_half_even(float x) {
#if defined(__CUDA_ARCH__)
  return rintf(x) + 0.0f;
#else
  constexpr float shift = 0x1.8p23f;
  return (x + shift) - shift;
#endif
}

COMPRESS_HOST_DEVICE double round_half_even(double x) {
#if defined(__CUDA_ARCH__)
  return rint(x) + 0.0;
#else
  constexpr double shift = 0x1.8p52;
  return (x + shift) - shift;
#endif
}

template <typename Vector>
COMPRESS_HOST_DEVICE Vector round_half_even(Vector x) {
  if constexpr (sizeof(x[0]) == sizeof(float)) {
    return (x + 0x1.8p23f) - 0x1.8p23f;
  } else {
    return (x + 0x1.8p52) - 0x1.8p52;
  }
}

#if defined(__AVX512F__)
/// The processor's own: one step. -0.4 gives -0, of which `scaled` makes +0.
COMPRESS_HOST_DEVICE __m512 round_half_even(__m512 x) {
  return _mm512_maskz_roundscale_ps(0xffff, x, _MM_FROUND_TO_NEAREST_INT);
}
#endif

/// Keeps NaN: both comparisons are false. One after the other, so that each is one vector instruction.
template <typename Real, typename Bound>
COMPRESS_HOST_DEVICE Real clamp(Real x, Bound low, Bound high) {
  const Real raised = x < low ? low : x;
  return raised > high ? high : raised;
}

/// Bound of |quant_min| and |quant_max|, so that their difference is within round_half_even's exact range.
constexpr int64_t max_quant = int64_t{1} << 21;

/// The affine grid of one scale, counted in steps from zero: the integers low..high, times scale.
/// low = quant_min - zero_point <= 0 <= quant_max - zero_point = high.
struct AffineGrid {
  float scale;
  float inverse_scale;
  float low;
  float high;
};

/// zero_point is rounded half to even and clamped to quant_min..quant_max: a learned one need not be an integer.
COMPRESS_HOST_DEVICE AffineGrid make_affine_grid(float scale, float zero_point, float quant_min, float quant_max) {
  const float zero = clamp(round_half_even(zero_point), quant_min, quant_max);
  return {scale, 1.0f / scale, quant_min - zero, quant_max - zero};
}

/// steps * scale, rounded to `Product`: ATen takes float, also for double tensors, except per channel on the CPU, where
/// it takes the tensor's own precision.
template <typename Product>
COMPRESS_HOST_DEVICE double scaled(double steps, float scale) {
  return static_cast<double>(static_cast<Product>(steps) * static_cast<Product>(scale));
}
template <typename Product, typename Real, typename Scale>
COMPRESS_HOST_DEVICE Real scaled(Real steps, Scale scale) {
  static_assert(sizeof(steps[0]) == sizeof(Product), "vectors are not rounded to another type");
  return steps * scale;
}
template <typename Product>
COMPRESS_HOST_DEVICE float scaled(float steps, float scale) {
  return steps * scale;
}
#if defined(__AVX512F__)
/// The product is rounded once either way; adding +0 to it changes only -0. (With a scale that is not positive a zero
/// may differ in its sign from other instruction sets'.)
template <typename Product, typename Scale>
COMPRESS_HOST_DEVICE __m512 scaled(__m512 steps, Scale scale) {
  return _mm512_fmadd_ps(steps, __m512{} + scale, __m512{});
}
#endif

/// clamp(round(x / scale)) * scale on the grid. ATen rounds, adds zero_point, clamps and subtracts it again; in steps
/// from zero that is the same integer. `inside` tells whether x lies inside the grid, where its gradient passes; NaN
/// does not, as in ATen. (Two results of unlike types in one struct would keep the compiler from vectorising.)
template <typename Product, typename Real, typename Grid, typename Inside>
COMPRESS_HOST_DEVICE Real fake_quantize_clipped(Real x, const Grid& grid, Inside& inside) {
  const Real position = round_half_even(x * grid.inverse_scale);
  const Real steps = clamp(position, grid.low, grid.high);
  inside = steps == position;
  return scaled<Product>(steps, grid.scale);
}

template <typename Product, typename Real, typename Grid>
COMPRESS_HOST_DEVICE Real fake_quantize(Real x, const Grid& grid) {
  return scaled<Product>(clamp(round_half_even(x * grid.inverse_scale), grid.low, grid.high), grid.scale);
}

/// What one element gives to the gradients. The sums over a scale's elements are multiplied by `scale_unit` and
/// `zero_point_unit` once, not every term.
template <typename Real>
struct FakeQuantizeGradient {
  Real x;           // straight through inside the grid, else 0
  Real scale;       // Esser et al. 2020, eq. 3, times scale: quantized x - x inside, the bound outside
  Real zero_point;  // 1 outside the grid, times -scale
};

COMPRESS_HOST_DEVICE double scale_unit(double scale) {
  return 1.0 / scale;
}
COMPRESS_HOST_DEVICE double zero_point_unit(double scale) {
  return -scale;
}

/// A NaN counts as outside, as in ATen, and reaches the scale's gradient, where it is seen.
template <typename Real, typename Grid>
COMPRESS_HOST_DEVICE FakeQuantizeGradient<Real> fake_quantize_backward(Real grad, Real x, const Grid& grid) {
  const Real zero{};
  const Real position = round_half_even(x * grid.inverse_scale);
  const Real steps = clamp(position, grid.low, grid.high);
  const auto inside = steps == position;
  // The exact x is subtracted, not x / scale, which would carry the rounding of 1 / scale into every term with one
  // sign.
  const Real error = steps * grid.scale - (inside ? x : zero);
  return {inside ? grad : zero, grad * error, inside ? zero : grad};
}

}  // namespace compress::math
