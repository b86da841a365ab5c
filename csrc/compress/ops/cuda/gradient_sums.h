#pragma once

#include <cstdint>

#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/pack.h"
#include "compress/ops/math/fake_quantize.h"

// What a backward pass reads and writes, and the sums that its scale gradients are made of.

namespace compress::cuda {

/// The memory of a backward pass. What is null is not wanted.
struct GradientMemory {
  const void* x = nullptr;
  const void* grad = nullptr;
  void* dx = nullptr;
};

/// The sums over elements of one scale that its gradients are made of.
template <typename Number>
struct GradientSums {
  Number scale = 0;
  Number zero_point = 0;
};

/// The sums of one piece, as the second stage reads them.
using PieceSums = Pack<float, 2>;

template <typename Number>
COMPRESS_HOST_DEVICE PieceSums piece_sums(const GradientSums<Number>& sums) {
  return {static_cast<float>(sums.scale), static_cast<float>(sums.zero_point)};
}

/// The gradients of one scale from its sums.
struct ScaleGradients {
  const float* scale = nullptr;
  float* dscale = nullptr;
  float* dzero_point = nullptr;
  double grad_factor = 1.0;

  COMPRESS_HOST_DEVICE bool are_wanted() const { return dscale != nullptr || dzero_point != nullptr; }

  /// Of the only piece.
  COMPRESS_HOST_DEVICE void store(int64_t i, const PieceSums& sums) const {
    store(i, GradientSums<double>{sums.values[0], sums.values[1]});
  }

  COMPRESS_HOST_DEVICE void store(int64_t i, const GradientSums<double>& sums) const {
    const double step = scale[i];
    if (dscale != nullptr) {
      dscale[i] = static_cast<float>(sums.scale * math::scale_unit(step) * grad_factor);
    }
    if (dzero_point != nullptr) {
      dzero_point[i] = static_cast<float>(sums.zero_point * math::zero_point_unit(step) * grad_factor);
    }
  }
};

inline ScaleGradients gradients_of(const FakeQuantizeBackwardCall& call) {
  return {call.quantizer.scale, call.dscale, call.dzero_point, call.grad_factor};
}

inline GradientMemory memory_of(const FakeQuantizeBackwardCall& call) {
  return {call.x, call.grad, call.dx};
}

inline PieceSums* sums_of(const FakeQuantizeBackwardCall& call) {
  static_assert(sizeof(PieceSums) == partial_sum_bytes, "what the caller allocates");
  return static_cast<PieceSums*>(call.sums);
}

}  // namespace compress::cuda
