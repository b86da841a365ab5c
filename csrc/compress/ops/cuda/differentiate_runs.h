#pragma once

#include <cstdint>

#include "compress/ops/cuda/quantize_run.h"
#include "compress/ops/cuda/run_gradient.h"

// For .cu files: the backward pass of RunGradient.

namespace compress::cuda {

/// The elements that one thread has of a piece.
template <typename Scalar>
struct PieceGradient {
  const GradientMemory& memory;
  const MaskBits& mask;
  AffineGrid grid;
  GradientSums<Real<Scalar>> sums;

  template <int count>
  __device__ __forceinline__ auto load(int64_t element) const {
    return load_gradient_pack<Scalar, count>(memory, mask, element);
  }

  template <int count>
  __device__ __forceinline__ void use(int64_t element, GradientPack<Scalar, count>& loaded) {
    differentiate_pack(
        memory, loaded, element, [&](int) { return grid; }, [&](int) -> GradientSums<Real<Scalar>>& { return sums; });
  }
};

/// grid_of_run(run) is a run's grid.
template <typename Scalar, typename GridOfRun>
__device__ __forceinline__ void differentiate_tensor(const RunGradient& work, const BlockRange& at,
                                                     const GridOfRun& grid_of_run) {
  const Team team(work.team);
  team.over_jobs(at, work.pieces.count(), [&](int64_t number, bool is_piece) {
    GradientSums<Real<Scalar>> sums;
    if (is_piece) {
      const RunPieces::Piece piece = work.pieces.piece(number);
      PieceGradient<Scalar> body{work.memory, work.mask, grid_of_run(piece.run), {}};
      over_piece<16 / sizeof(Scalar), RunGradient::at_once>(team, piece.first, piece.length, work.alignment, body);
      sums = body.sums;
    }
    if (!work.gradients.are_wanted()) {
      return;
    }
    sums.scale = team.sum(sums.scale);
    sums.zero_point = team.sum(sums.zero_point);
    if (is_piece && team.lane() == 0) {
      if (work.sums != nullptr) {
        work.sums[number] = piece_sums(sums);
      } else {
        work.gradients.store(number, piece_sums(sums));
      }
    }
  });
}

}  // namespace compress::cuda
