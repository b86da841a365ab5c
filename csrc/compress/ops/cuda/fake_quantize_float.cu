#include "compress/ops/cuda/fake_quantize_float.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/math/divide.h"

namespace compress::cuda {
namespace {

using math::FakeQuantizeFloatCall;

template <typename Scalar>
using Real = decltype(to_real(Scalar()));

/// The bits of `count` neighbours, count a divisor of 8; their number is a multiple of it.
template <int count>
__device__ unsigned mask_bits(const PackedMask& mask, int64_t element) {
  if (mask.bytes == nullptr) {
    return ~0u;
  }
  if (mask.layout.is_one_stream()) {
    return static_cast<unsigned>(mask.bytes[element >> 3]) >> (element & 7);
  }
  unsigned bits = 0;
  for (int i = 0; i < count; ++i) {
    const int64_t bit = mask.layout.bit_of(element + i);
    bits |= ((static_cast<unsigned>(mask.bytes[bit >> 3]) >> (bit & 7)) & 1u) << i;
  }
  return bits;
}

/// `count` neighbours of one segment.
template <typename Scalar, bool is_backward, int count>
__device__ void take(const FakeQuantizeFloatCall& call, const math::Divide& segment_of, int64_t element) {
  using Values = Pack<Scalar, count>;
  const auto load = [&](const void* from) {
    return *reinterpret_cast<const Values*>(static_cast<const Scalar*>(from) + element);
  };
  Values values = load(call.x);
  const Values grads = is_backward ? load(call.grad) : values;
  const unsigned kept = mask_bits<count>(call.mask, element);
  const int64_t segment = segment_of(element);
  const int64_t step = call.geometry.scale_step;
  const float* scale =
      call.scale + call.geometry.first_scale(segment) + step * (element - segment * call.geometry.segment_length);
#pragma unroll
  for (int i = 0; i < count; ++i) {
    const bool is_kept = (kept >> i) & 1u;
    const Real<Scalar> x = is_kept ? to_real(values.values[i]) : Real<Scalar>(0);
    const float own = scale[step * i];
    const float quotient = math::quotient(x, own);
    if (is_backward) {
      const Real<Scalar> grad = is_kept ? to_real(grads.values[i]) : Real<Scalar>(0);
      from_real(math::float_grid_gradient(grad, quotient, call.small_float), values.values[i]);
    } else {
      from_real(math::on_float_grid<Real<Scalar>>(quotient, own, call.small_float), values.values[i]);
    }
  }
  *reinterpret_cast<Values*>(static_cast<Scalar*>(call.y) + element) = values;
}

/// A thread per pack, and one per element of what is left.
template <typename Scalar, bool is_backward, int count>
__global__ void __launch_bounds__(block_threads)
    fake_quantize_float_kernel(const __grid_constant__ FakeQuantizeFloatCall call,
                               const __grid_constant__ math::Divide segment_of) {
  const int64_t elements = call.geometry.elements();
  const int64_t packs = elements / count;
  for (int64_t i = grid_index(); i < packs; i += grid_stride()) {
    take<Scalar, is_backward, count>(call, segment_of, i * count);
  }
  for (int64_t i = packs * count + grid_index(); i < elements; i += grid_stride()) {
    take<Scalar, is_backward, 1>(call, segment_of, i);
  }
}

/// Whether every 16 bytes of neighbours are aligned and lie in one segment.
template <typename Scalar>
bool takes_packs(const FakeQuantizeFloatCall& call) {
  constexpr int64_t count = 16 / sizeof(Scalar);
  const auto aligned = [](const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; };
  return aligned(call.x) && aligned(call.y) && aligned(call.grad) &&
         (call.geometry.segments == 1 || call.geometry.segment_length % count == 0);
}

template <typename Scalar, bool is_backward, int count>
void launch(const FakeQuantizeFloatCall& call, cudaStream_t stream) {
  const int64_t elements = call.geometry.elements();
  launch_kernel(fake_quantize_float_kernel<Scalar, is_backward, count>, thread_blocks(elements / count), stream, call,
                math::Divide(call.geometry.segment_length, elements));
}

template <typename Scalar>
void launch_as(const FakeQuantizeFloatCall& call, cudaStream_t stream) {
  constexpr int count = 16 / sizeof(Scalar);
  const bool packs = takes_packs<Scalar>(call);
  if (call.grad == nullptr) {
    packs ? launch<Scalar, false, count>(call, stream) : launch<Scalar, false, 1>(call, stream);
  } else {
    packs ? launch<Scalar, true, count>(call, stream) : launch<Scalar, true, 1>(call, stream);
  }
}

}  // namespace

void launch_fake_quantize_float(const FakeQuantizeFloatCall& call, cudaStream_t stream) {
  switch (call.format) {
    case math::FloatFormat::float32:
      return launch_as<float>(call, stream);
    case math::FloatFormat::float16:
      return launch_as<__half>(call, stream);
    case math::FloatFormat::bfloat16:
      return launch_as<__nv_bfloat16>(call, stream);
    case math::FloatFormat::float64:
      return launch_as<double>(call, stream);
  }
}

}  // namespace compress::cuda
