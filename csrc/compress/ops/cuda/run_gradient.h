#pragma once

#include <cstdint>

#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/gradient_sums.h"
#include "compress/ops/cuda/mask_bits.h"
#include "compress/ops/cuda/run_pieces.h"

namespace compress::cuda {

/// A backward pass over runs of one scale each: a team of threads per piece.
struct RunGradient {
  GradientMemory memory;
  ScaleGradients gradients;
  PieceSums* sums = nullptr;  ///< of each piece, for the second stage; null where none is needed
  RunPieces pieces;
  Alignment alignment;
  MaskBits mask;
  TeamSize team;

  /// Packs of x and of grad that a thread has in flight.
  static constexpr int at_once = 2;

  RunGradient() = default;
  RunGradient(int element_size, const GradientMemory& memory, const ScaleGradients& gradients, PieceSums* sums,
              int64_t runs, int64_t length, const PackedMask& mask)
      : memory(memory),
        gradients(gradients),
        sums(sums),
        pieces(runs, length),
        alignment(element_size, memory.x, memory.grad, memory.dx),
        mask(mask),
        team(pieces.team(16 / element_size, at_once)) {}

  int64_t threads() const { return team.threads(pieces.count()); }
};

/// Of a call whose scales do not vary along a run.
inline RunGradient run_gradient(const FakeQuantizeBackwardCall& call) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  return {bytes_of(call.format), memory_of(call),         gradients_of(call), sums_of(call),
          geometry.segments,     geometry.segment_length, call.mask};
}

}  // namespace compress::cuda
