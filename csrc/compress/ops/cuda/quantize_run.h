#pragma once

#include <cstdint>

#include "compress/ops/cuda/gradient_sums.h"
#include "compress/ops/cuda/launch.h"
#include "compress/ops/cuda/mask_bits.h"
#include "compress/ops/cuda/over_piece.h"
#include "compress/ops/cuda/over_tiles.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/cuda/team.h"
#include "compress/ops/math/fake_quantize.h"

// For .cu files: fake_quantize on the elements that threads hold, for one tensor or many.

namespace compress::cuda {

using math::AffineGrid;

/// Forward on neighbours in registers; grid_of(i) is the grid of the i-th. Returns a bit for each whose gradient
/// passes. ATen's CUDA kernels multiply by the scale in float for every dtype, per channel too, where its CPU kernel
/// takes double for double tensors.
template <typename Scalar, int count, typename GridOf>
__device__ __forceinline__ unsigned quantize(Pack<Scalar, count>& values, unsigned kept, const GridOf& grid_of) {
  unsigned bits = 0;
#pragma unroll
  for (int i = 0; i < count; ++i) {
    const bool is_kept = (kept >> i) & 1u;
    const Real<Scalar> x = is_kept ? to_real(values.values[i]) : Real<Scalar>(0);
    bool inside;
    from_real(math::fake_quantize_clipped<float>(x, grid_of(i), inside), values.values[i]);
    bits |= static_cast<unsigned>(is_kept && inside) << i;
  }
  return bits;
}

/// Backward on neighbours in registers: grads become dx, and sums_of(i), of the i-th's scale, takes its part.
template <typename Scalar, int count, typename GridOf, typename SumsOf>
__device__ __forceinline__ void differentiate(const Pack<Scalar, count>& values, Pack<Scalar, count>& grads,
                                              unsigned kept, const GridOf& grid_of, const SumsOf& sums_of) {
#pragma unroll
  for (int i = 0; i < count; ++i) {
    const bool is_kept = (kept >> i) & 1u;
    const Real<Scalar> zero = 0;
    const Real<Scalar> grad = is_kept ? to_real(grads.values[i]) : zero;
    const Real<Scalar> x = is_kept ? to_real(values.values[i]) : zero;
    const auto gradient = math::fake_quantize_backward(grad, x, grid_of(i));
    GradientSums<Real<Scalar>>& sums = sums_of(i);
    sums.scale += gradient.scale;
    sums.zero_point += gradient.zero_point;
    from_real(gradient.x, grads.values[i]);
  }
}

/// Neighbours as they are loaded.
template <typename Scalar, int count>
struct GradientPack {
  Pack<Scalar, count> values;
  Pack<Scalar, count> grads;
  unsigned mask;
};

template <typename Scalar, int count>
__device__ __forceinline__ GradientPack<Scalar, count> load_gradient_pack(const GradientMemory& memory,
                                                                          const MaskBits& mask, int64_t element) {
  return {load_pack<count>(static_cast<const Scalar*>(memory.x) + element),
          load_pack<count>(static_cast<const Scalar*>(memory.grad) + element), mask.load<count>(element)};
}

template <typename Scalar, int count, typename GridOf, typename SumsOf>
__device__ __forceinline__ void differentiate_pack(const GradientMemory& memory, GradientPack<Scalar, count>& pack,
                                                   int64_t element, const GridOf& grid_of, const SumsOf& sums_of) {
  differentiate(pack.values, pack.grads, MaskBits::kept(pack.mask, element), grid_of, sums_of);
  if (memory.dx != nullptr) {
    store_pack(static_cast<Scalar*>(memory.dx) + element, pack.grads);
  }
}

/// Threads for the sums of one scale.
COMPRESS_HOST_DEVICE TeamSize team_of_sums(int64_t sums_per_scale) {
  return TeamSize::of(sums_per_scale, 4);
}

/// Second stage: a team adds the pieces' sums of scale number `scale` in a fixed order, in double. sum_index(n) says
/// where the n-th of `count` lies; a count of 0 only keeps the team's warp company.
template <typename SumIndex>
__device__ void reduce_scale(const Team& team, const ScaleGradients& gradients, const PieceSums* sums, int64_t scale,
                             int64_t count, const SumIndex& sum_index) {
  GradientSums<double> total;
  over_partials<8>(
      team, count, [&](int64_t n) { return sums[sum_index(n)]; },
      [&](const PieceSums& piece) {
        total.scale += piece.values[0];
        total.zero_point += piece.values[1];
      });
  total.scale = team.sum(total.scale);
  total.zero_point = team.sum(total.zero_point);
  if (team.lane() == 0 && count > 0) {
    gradients.store(scale, total);
  }
}

}  // namespace compress::cuda
