#pragma once

#include <cstdint>

#include "compress/core/mask_layout.h"
#include "compress/ops/cuda/launch.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/math/fake_quantize.h"

// For .cu files: fake_quantize on the elements that threads hold, for one tensor or many. `Call` names the tensor's
// memory as FakeQuantizeCall and FakeQuantizeBackwardCall do.

namespace compress::cuda {

using math::AffineGrid;

template <typename Scalar>
using Real = decltype(to_real(Scalar()));

/// Walks the bits of neighbouring elements; looks the row up once, then counts.
class MaskCursor {
 public:
  __device__ MaskCursor(const PackedMask& mask, int64_t element) : mask_(mask) {
    if (mask.bytes != nullptr) {
      bit_ = mask.layout.bit_of(element);
      left_in_row_ = mask.layout.is_one_stream() ? INT64_MAX : mask.layout.row - bit_ % (mask.layout.row_bytes * 8);
    }
  }

  __device__ bool next() {
    if (mask_.bytes == nullptr) {
      return true;
    }
    const bool kept = (mask_.bytes[bit_ >> 3] >> (bit_ & 7)) & 1;
    ++bit_;
    if (--left_in_row_ == 0) {
      bit_ = (bit_ + 7) / 8 * 8;
      left_in_row_ = mask_.layout.row;
    }
    return kept;
  }

 private:
  const PackedMask& mask_;
  int64_t bit_ = 0;
  int64_t left_in_row_ = INT64_MAX;
};

/// Forward on `count` elements that a thread holds in registers. ATen's CUDA kernels multiply by the scale in float for
/// every dtype, per channel too, where its CPU kernel takes double for double tensors.
template <typename Scalar, typename Call>
struct Forward {
  const Call& call;
  AffineGrid grid;

  template <int count>
  __device__ void take(int64_t element) {
    using Values = Pack<Scalar, count>;
    Values values = *reinterpret_cast<const Values*>(static_cast<const Scalar*>(call.x) + element);
    MaskCursor mask(call.mask, element);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const Real<Scalar> x = mask.next() ? to_real(values.values[i]) : Real<Scalar>(0);
      from_real(math::fake_quantize<float>(x, grid), values.values[i]);
    }
    *reinterpret_cast<Values*>(static_cast<Scalar*>(call.y) + element) = values;
  }
};

template <int team, typename T>
__device__ T team_sum(T value) {
  if constexpr (team == block_threads) {
    return block_sum(value);
  } else {
    for (int step = team / 2; step > 0; step /= 2) {
      value += __shfl_down_sync(0xffffffffu, value, step);
    }
    return value;
  }
}

/// Backward on `count` elements, adding to the thread's own sums.
template <typename Scalar, typename Call>
struct Backward {
  const Call& call;
  AffineGrid grid;
  Real<Scalar> scale_sum = 0;
  Real<Scalar> zero_point_sum = 0;

  __device__ Backward(const Call& call, const AffineGrid& grid) : call(call), grid(grid) {}

  template <int count>
  __device__ void take(int64_t element) {
    using Values = Pack<Scalar, count>;
    Values grads = *reinterpret_cast<const Values*>(static_cast<const Scalar*>(call.grad) + element);
    const Values values = *reinterpret_cast<const Values*>(static_cast<const Scalar*>(call.x) + element);
    MaskCursor mask(call.mask, element);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const bool kept = mask.next();
      const Real<Scalar> zero = 0;
      const Real<Scalar> grad = kept ? to_real(grads.values[i]) : zero;
      const Real<Scalar> x = kept ? to_real(values.values[i]) : zero;
      const auto gradient = math::fake_quantize_backward(grad, x, grid);
      scale_sum += gradient.scale;
      zero_point_sum += gradient.zero_point;
      from_real(gradient.x, grads.values[i]);
    }
    if (call.dx != nullptr) {
      *reinterpret_cast<Values*>(static_cast<Scalar*>(call.dx) + element) = grads;
    }
  }

  /// Where sums are wanted: the team's sums become those of piece `number`.
  template <int team>
  __device__ void store_sums(int64_t number, int lane) {
    if (call.sums != nullptr) {
      const auto scale_total = team_sum<team>(scale_sum);
      const auto zero_point_total = team_sum<team>(zero_point_sum);
      if (lane == 0) {
        call.sums[2 * number] = static_cast<float>(scale_total);
        call.sums[2 * number + 1] = static_cast<float>(zero_point_total);
      }
    }
  }
};

/// The elements of one run spread over a team of threads: singly up to a 16-byte border, then 16 bytes a time, then the
/// rest. `misalignment` is in elements, or negative where the tensors are not aligned alike: then all singly.
template <int team, typename Scalar, typename Body>
__device__ void over_run(Body& body, int64_t first, int64_t count, int misalignment, int lane) {
  constexpr int per_vector = 16 / sizeof(Scalar);
  const int at = misalignment < 0 ? 0 : static_cast<int>((first + misalignment) % per_vector);
  const int64_t to_border = at == 0 ? 0 : per_vector - at;
  const int64_t head = misalignment < 0 || to_border > count ? count : to_border;
  for (int64_t i = lane; i < head; i += team) {
    body.template take<1>(first + i);
  }
  const int64_t vectors = (count - head) / per_vector;
  for (int64_t i = lane; i < vectors; i += team) {
    body.template take<per_vector>(first + head + i * per_vector);
  }
  for (int64_t i = head + vectors * per_vector + lane; i < count; i += team) {
    body.template take<1>(first + i);
  }
}

/// A team adds one scale's sums in a fixed order, in double. `Pieces` says where they lie.
template <int team, typename Call, typename Pieces>
__device__ void reduce_scale(const Call& call, const Pieces& pieces, int64_t scale, int lane) {
  const int64_t count = pieces.sums_per_scale();
  double scale_sum = 0;
  double zero_point_sum = 0;
  for (int64_t n = lane; n < count; n += team) {
    const int64_t index = pieces.sum_index(scale, n);
    scale_sum += call.sums[2 * index];
    zero_point_sum += call.sums[2 * index + 1];
  }
  scale_sum = team_sum<team>(scale_sum);
  zero_point_sum = team_sum<team>(zero_point_sum);
  if (lane == 0) {
    const double step = call.quantizer.scale[scale];
    if (call.dscale != nullptr) {
      call.dscale[scale] = static_cast<float>(scale_sum * math::scale_unit(step) * call.grad_factor);
    }
    if (call.dzero_point != nullptr) {
      call.dzero_point[scale] = static_cast<float>(zero_point_sum * math::zero_point_unit(step) * call.grad_factor);
    }
  }
}

/// Segments of at least this many elements are worth a whole block, shorter ones a warp.
constexpr int64_t block_elements = 2048;

/// Position of `base` within 16 bytes, in elements; -1 where `other` lies differently. A null `other` is ignored.
template <typename Scalar>
int misalignment(const void* base, const void* other, int former) {
  const auto at = [](const void* pointer) {
    return static_cast<int>(reinterpret_cast<uintptr_t>(pointer) % 16 / sizeof(Scalar));
  };
  return former < 0 || (other != nullptr && at(other) != at(base)) ? -1 : at(base);
}

/// From as many sums of a scale on, a block adds them, else a warp.
constexpr int64_t block_sums = 1025;

}  // namespace compress::cuda
