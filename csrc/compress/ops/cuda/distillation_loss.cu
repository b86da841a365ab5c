#include <limits>

#include "compress/ops/cuda/distillation_loss.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/math/distillation_loss.h"

namespace compress::cuda {
namespace {

using math::DistillationSums;
using math::GradientFactors;

constexpr unsigned whole_warp = 0xffffffffu;
constexpr int most_threads = 512;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
template <typename Real>
constexpr Real lowest_logit = std::numeric_limits<Real>::lowest();

/// A row cut into single elements up to the first 16-byte boundary, packs of 16 bytes, and single elements again.
/// Rows that reach a boundary at different elements have no packs.
template <typename Scalar>
struct RowSplit {
  static constexpr int pack = 16 / sizeof(Scalar);

  int64_t packs_begin;
  int64_t packs_end;

  template <typename... Rows>
  __device__ RowSplit(int64_t classes, const Scalar* first, const Rows*... others) {
    const auto phase = [](const void* row) { return reinterpret_cast<uintptr_t>(row) % 16; };
    const bool in_phase = ((phase(others) == phase(first)) && ...);
    const int64_t head = (16 - phase(first)) % 16 / sizeof(Scalar);
    const bool has_packs = in_phase && head + pack <= classes;
    packs_begin = has_packs ? head : classes;
    packs_end = has_packs ? head + (classes - head) / pack * pack : classes;
  }

  /// Each thread's share, in a fixed order: body's use<count>(first, load<count>(first)) for packs and single elements.
  template <typename Body>
  __device__ __forceinline__ void for_each(int64_t classes, Body& body) const {
    for (int64_t i = threadIdx.x; i < packs_begin; i += blockDim.x) {
      body.template use<1>(i, body.template load<1>(i));
    }
    // Two packs at a time, so that the second's loads are under way while the first is used.
    const int64_t step = static_cast<int64_t>(blockDim.x) * pack;
    int64_t i = packs_begin + static_cast<int64_t>(threadIdx.x) * pack;
    for (; i + step < packs_end; i += 2 * step) {
      const auto first = body.template load<pack>(i);
      const auto second = body.template load<pack>(i + step);
      body.template use<pack>(i, first);
      body.template use<pack>(i + step, second);
    }
    if (i < packs_end) {
      body.template use<pack>(i, body.template load<pack>(i));
    }
    for (int64_t rest = packs_end + threadIdx.x; rest < classes; rest += blockDim.x) {
      body.template use<1>(rest, body.template load<1>(rest));
    }
  }
};

/// Neighbouring logits as they are loaded; the teacher's where a term needs them.
template <typename Scalar, int count>
struct LogitPacks {
  Pack<Scalar, count> student;
  Pack<Scalar, count> teacher;
};

/// Converted.
template <typename Real, int count>
struct Logits {
  Real values[count];

  template <typename Scalar>
  __device__ __forceinline__ explicit Logits(const Pack<Scalar, count>& pack) {
#pragma unroll
    for (int k = 0; k < count; ++k) {
      values[k] = to_real(pack.values[k]);
    }
  }

  __device__ __forceinline__ Real max_with(Real other) const {
#pragma unroll
    for (int k = 0; k < count; ++k) {
      other = values[k] > other ? values[k] : other;
    }
    return other;
  }
};

/// e^x for x <= 0. In float by the instruction for 2^x: the product's rounding, |x| / 2^24 of the result, counts where
/// e^x itself no longer does.
__device__ __forceinline__ float exponential(float x) {
  return exp2f(x * 1.44269504f);
}
__device__ __forceinline__ double exponential(double x) {
  return exp(x);
}

struct Terms {
  bool divergence;
  bool cross_entropy;
};

/// What both passes read of a row.
template <typename Scalar>
struct RowLogits {
  const Scalar* student;
  const Scalar* teacher;
  Terms terms;

  template <int count>
  __device__ __forceinline__ LogitPacks<Scalar, count> load(int64_t first) const {
    const auto of_student = load_pack<count>(student + first);
    return {of_student, terms.divergence ? load_pack<count>(teacher + first) : of_student};
  }
};

/// One thread's part of the sums over a row.
template <typename Scalar, typename Real>
struct RowSums : RowLogits<Scalar> {
  using RowLogits<Scalar>::terms;

  Real inverse_temperature;
  DistillationSums<Real> sums;

  template <int count>
  __device__ __forceinline__ void use(int64_t, const LogitPacks<Scalar, count>& packs) {
    const Logits<Real, count> s(packs.student);
    const Logits<Real, count> t(packs.teacher);
    math::move_maxima(sums, s.max_with(sums.student_max), t.max_with(sums.teacher_max), inverse_temperature);
#pragma unroll
    for (int k = 0; k < count; ++k) {
      const Real c = s.values[k] - sums.student_max;
      if (terms.divergence) {
        const Real a = (t.values[k] - sums.teacher_max) * inverse_temperature;
        const Real b = c * inverse_temperature;
        const Real p = exponential(a);
        sums.teacher += p;
        sums.student += exponential(b);
        sums.divergence += p == 0 ? Real(0) : p * (a - b);  // p log p is 0 at 0, not 0 * -inf
      }
      if (terms.cross_entropy) {
        sums.student_unscaled += exponential(c);
      }
    }
  }
};

template <typename Real>
__device__ void combine(DistillationSums<Real>& sums, DistillationSums<Real> other, Real inverse_temperature) {
  const Real student_max = sums.student_max > other.student_max ? sums.student_max : other.student_max;
  const Real teacher_max = sums.teacher_max > other.teacher_max ? sums.teacher_max : other.teacher_max;
  math::move_maxima(sums, student_max, teacher_max, inverse_temperature);
  math::move_maxima(other, student_max, teacher_max, inverse_temperature);
  sums.student += other.student;
  sums.teacher += other.teacher;
  sums.divergence += other.divergence;
  sums.student_unscaled += other.student_unscaled;
}

template <typename Real>
__device__ DistillationSums<Real> shuffled_down(const DistillationSums<Real>& sums, int lanes) {
  return {__shfl_down_sync(whole_warp, sums.student_max, lanes),
          __shfl_down_sync(whole_warp, sums.teacher_max, lanes),
          __shfl_down_sync(whole_warp, sums.student, lanes),
          __shfl_down_sync(whole_warp, sums.teacher, lanes),
          __shfl_down_sync(whole_warp, sums.divergence, lanes),
          __shfl_down_sync(whole_warp, sums.student_unscaled, lanes)};
}

/// The whole block's sums, combined in a fixed order. Valid in thread 0; all threads must call it.
template <typename Real>
__device__ DistillationSums<Real> block_combine(DistillationSums<Real> sums, Real inverse_temperature) {
  __shared__ DistillationSums<Real> of_warps[most_threads / warp_threads];
  for (int lanes = warp_threads / 2; lanes > 0; lanes /= 2) {
    combine(sums, shuffled_down(sums, lanes), inverse_temperature);
  }
  __syncthreads();  // thread 0 may still read the former row's
  if (threadIdx.x % warp_threads == 0) {
    of_warps[threadIdx.x / warp_threads] = sums;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (unsigned warp = 1; warp < blockDim.x / warp_threads; ++warp) {
      combine(sums, of_warps[warp], inverse_temperature);
    }
  }
  return sums;
}

__device__ __forceinline__ bool is_class(int64_t id, int64_t classes) {
  return id >= 0 && id < classes;
}

// One block per row, each logit read once: sums relative to the largest logits so far (online softmax).
template <typename Scalar, typename Real>
__global__ void __launch_bounds__(most_threads) distillation_rows_kernel(DistillationLossCall call) {
  const DistillationOperands& operands = call.operands;
  const Terms terms{operands.alpha > 0, operands.alpha < 1};
  const Real inverse_temperature = static_cast<Real>(1 / operands.temperature);
  for (int64_t row = blockIdx.x; row < operands.rows; row += gridDim.x) {
    const Scalar* student = static_cast<const Scalar*>(operands.student) + operands.student_rows(row);
    const Scalar* teacher = static_cast<const Scalar*>(operands.teacher) + operands.teacher_rows(row);
    const RowSplit<Scalar> split(operands.classes, student, teacher);
    RowSums<Scalar, Real> body{
        {student, teacher, terms}, inverse_temperature, math::empty_sums<Real>(lowest_logit<Real>)};
    split.for_each(operands.classes, body);
    const auto sums = block_combine(body.sums, inverse_temperature);
    if (threadIdx.x == 0) {
      math::write_statistics(sums, static_cast<Real*>(call.row_statistics) + row * math::row_statistics);
      const int64_t id = operands.target != nullptr ? operands.target[row] : math::ignored_target;
      call.row_losses[2 * row] = terms.divergence ? math::divergence_of(sums) : 0;
      call.row_losses[2 * row + 1] =
          id == math::ignored_target
              ? 0
              : (is_class(id, operands.classes) ? math::cross_entropy_of(sums, to_real(student[id])) : not_a_number);
    }
  }
}

// One block: the rows' losses in a fixed order.
template <typename Real>
__global__ void __launch_bounds__(block_threads) distillation_mean_kernel(DistillationLossCall call) {
  const DistillationOperands& operands = call.operands;
  double divergence = 0;
  double cross_entropy = 0;
  double counted = 0;
  for (int64_t row = threadIdx.x; row < operands.rows; row += block_threads) {
    divergence += call.row_losses[2 * row];
    cross_entropy += call.row_losses[2 * row + 1];
    counted += operands.target != nullptr && operands.target[row] != math::ignored_target ? 1 : 0;
  }
  divergence = block_sum(divergence);
  cross_entropy = block_sum(cross_entropy);
  counted = block_sum(counted);
  if (threadIdx.x == 0) {
    *static_cast<Real*>(call.loss) = static_cast<Real>(math::combined_loss(
        divergence, static_cast<double>(operands.rows), cross_entropy, counted, operands.temperature, operands.alpha));
    *call.counted_rows = static_cast<int64_t>(counted);
  }
}

/// One thread's part of a row's gradient.
template <typename Scalar, typename Real>
struct RowGradient : RowLogits<Scalar> {
  using RowLogits<Scalar>::terms;

  Scalar* grad;
  int64_t target;
  GradientFactors<Real> factors;

  template <int count>
  __device__ __forceinline__ void use(int64_t first, const LogitPacks<Scalar, count>& packs) const {
    const Logits<Real, count> s(packs.student);
    const Logits<Real, count> t(packs.teacher);
    Pack<Scalar, count> result;
#pragma unroll
    for (int k = 0; k < count; ++k) {
      const Real c = s.values[k] - factors.student_max;
      Real value = 0;
      if (terms.divergence) {
        value = exponential(c * factors.inverse_temperature) * factors.student_factor -
                exponential((t.values[k] - factors.teacher_max) * factors.inverse_temperature) * factors.teacher_factor;
      }
      if (terms.cross_entropy) {
        value += exponential(c) * factors.unscaled_factor;
        value -= first + k == target ? factors.target_factor : Real(0);
      }
      from_real(value, result.values[k]);
    }
    store_pack(grad + first, result);
  }
};

template <typename Scalar, typename Real>
__global__ void __launch_bounds__(most_threads) distillation_gradient_kernel(DistillationLossBackwardCall call) {
  const DistillationOperands& operands = call.operands;
  const Terms terms{operands.alpha > 0, operands.alpha < 1};
  const auto weights = math::gradient_weights(
      static_cast<double>(*static_cast<const Real*>(call.grad)), static_cast<double>(operands.rows),
      static_cast<double>(*call.counted_rows), operands.temperature, operands.alpha);
  for (int64_t row = blockIdx.x; row < operands.rows; row += gridDim.x) {
    const Scalar* student = static_cast<const Scalar*>(operands.student) + operands.student_rows(row);
    const Scalar* teacher = static_cast<const Scalar*>(operands.teacher) + operands.teacher_rows(row);
    Scalar* grad = static_cast<Scalar*>(call.grad_student) + row * operands.classes;
    const int64_t id = operands.target != nullptr ? operands.target[row] : math::ignored_target;
    const double target_weight =
        id == math::ignored_target ? 0 : (is_class(id, operands.classes) ? weights.cross_entropy : not_a_number);
    const auto factors =
        math::gradient_factors<Real>(static_cast<const Real*>(call.row_statistics) + row * math::row_statistics,
                                     weights.divergence, target_weight, 1 / operands.temperature);
    const RowSplit<Scalar> split(operands.classes, student, teacher, grad);
    RowGradient<Scalar, Real> body{{student, teacher, terms}, grad, id, factors};
    split.for_each(operands.classes, body);
  }
}

/// Threads for a row: whole warps, each thread with several accesses where the row is long enough.
unsigned threads_for(int64_t classes) {
  constexpr int64_t elements_per_thread = 32;
  const int64_t warps = (classes + warp_threads * elements_per_thread - 1) / (warp_threads * elements_per_thread);
  return warp_threads *
         static_cast<unsigned>(warps < most_threads / warp_threads ? warps : most_threads / warp_threads);
}

template <typename Scalar, typename Real>
void launch(const DistillationLossCall& call, cudaStream_t stream) {
  const DistillationOperands& operands = call.operands;
  if (operands.rows > 0) {
    launch_kernel(distillation_rows_kernel<Scalar, Real>,
                  GridShape{grid_blocks(operands.rows), threads_for(operands.classes)}, stream, call);
  }
  launch_kernel(distillation_mean_kernel<Real>, 1, stream, call);
}

template <typename Scalar, typename Real>
void launch(const DistillationLossBackwardCall& call, cudaStream_t stream) {
  const DistillationOperands& operands = call.operands;
  if (operands.rows > 0) {
    launch_kernel(distillation_gradient_kernel<Scalar, Real>,
                  GridShape{grid_blocks(operands.rows), threads_for(operands.classes)}, stream, call);
  }
}

template <typename Call>
void launch_for_number(const Call& call, cudaStream_t stream) {
  with_scalar_of(call.operands.format,
                 [&](auto scalar) { launch<decltype(scalar), Real<decltype(scalar)>>(call, stream); });
}

}  // namespace

void launch_distillation_loss(const DistillationLossCall& call, cudaStream_t stream) {
  launch_for_number(call, stream);
}

void launch_distillation_loss_backward(const DistillationLossBackwardCall& call, cudaStream_t stream) {
  launch_for_number(call, stream);
}

}  // namespace compress::cuda
