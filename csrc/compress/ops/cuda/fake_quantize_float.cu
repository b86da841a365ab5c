#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/fake_quantize_float.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/mask_bits.h"
#include "compress/ops/cuda/over_tiles.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/cuda/tiles.h"
#include "compress/ops/math/mixed_radix.h"

namespace compress::cuda {
namespace {

using math::FakeQuantizeFloatCall;

constexpr int at_once = 2;  // packs in flight per thread

/// What one launch reads, in packs of neighbours under one scale, or columns of one scale each.
struct FloatPacks {
  MaskBits mask;
  math::Divide run_of;
  math::MixedRadix scale_of;

  explicit FloatPacks(const FakeQuantizeFloatCall& call)
      : mask(call.mask), run_of(call.geometry.segment_length), scale_of(math::scale_of_run(call.geometry)) {}
};

template <typename Scalar, int count>
struct LoadedPack {
  Pack<Scalar, count> values;
  Pack<Scalar, count> grads;
  unsigned mask;
};

template <typename Scalar, bool is_backward, int count>
__device__ __forceinline__ LoadedPack<Scalar, count> load(const FakeQuantizeFloatCall& call, const FloatPacks& packs,
                                                          int64_t element) {
  const auto values = load_pack<count>(static_cast<const Scalar*>(call.x) + element);
  return {values, is_backward ? load_pack<count>(static_cast<const Scalar*>(call.grad) + element) : values,
          packs.mask.load<count>(element)};
}

/// One element whose quotient by its scale is known.
template <typename Scalar, bool is_backward>
__device__ __forceinline__ void take(const FakeQuantizeFloatCall& call, float quotient, float scale, bool is_kept,
                                     Scalar grad, Scalar& to) {
  if (is_backward) {
    const Real<Scalar> own = is_kept ? to_real(grad) : Real<Scalar>(0);
    from_real(math::float_grid_gradient(own, quotient, call.small_float), to);
  } else {
    from_real(math::on_float_grid<Real<Scalar>>(quotient, scale, call.small_float), to);
  }
}

template <typename Scalar, bool is_backward, int count>
__device__ __forceinline__ void use(const FakeQuantizeFloatCall& call, const FloatPacks& packs, int64_t element,
                                    LoadedPack<Scalar, count>& loaded) {
  const unsigned kept = MaskBits::kept(loaded.mask, element);
  const int64_t run = packs.run_of(element);
  const float* scale = call.scale + packs.scale_of(run);
  const auto x_of = [&](int i) { return (kept >> i) & 1u ? to_real(loaded.values.values[i]) : Real<Scalar>(0); };
  if (call.geometry.scale_step != 0) {
    scale += element - run * call.geometry.segment_length;
#pragma unroll
    for (int i = 0; i < count; ++i) {
      take<Scalar, is_backward>(call, math::quotient(x_of(i), scale[i]), scale[i], (kept >> i) & 1u,
                                loaded.grads.values[i], loaded.values.values[i]);
    }
  } else {
    const math::SharedScale shared = math::make_shared_scale(*scale);
    if (shared.has_exact_reciprocal) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        take<Scalar, is_backward>(call, static_cast<float>(x_of(i) * shared.reciprocal), shared.value, (kept >> i) & 1u,
                                  loaded.grads.values[i], loaded.values.values[i]);
      }
    } else {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        take<Scalar, is_backward>(call, math::quotient(x_of(i), shared.value), shared.value, (kept >> i) & 1u,
                                  loaded.grads.values[i], loaded.values.values[i]);
      }
    }
  }
  store_pack(static_cast<Scalar*>(call.y) + element, loaded.values);
}

/// Packs, and single elements of what is left.
template <typename Scalar, bool is_backward, int count>
__global__ void __launch_bounds__(block_threads)
    fake_quantize_float_kernel(const __grid_constant__ FakeQuantizeFloatCall call,
                               const __grid_constant__ FloatPacks packs) {
  const int64_t elements = call.geometry.elements();
  const int64_t whole = elements / count;
  over_tiles<at_once>(
      whole_grid(), whole, [&](int64_t i) { return load<Scalar, is_backward, count>(call, packs, i * count); },
      [&](int64_t i, LoadedPack<Scalar, count>& loaded, bool is_pack) {
        if (is_pack) {
          use<Scalar, is_backward, count>(call, packs, i * count, loaded);
        }
      });
  const int64_t element = whole * count + grid_index();
  if (element < elements) {
    auto loaded = load<Scalar, is_backward, 1>(call, packs, element);
    use<Scalar, is_backward, 1>(call, packs, element, loaded);
  }
}

/// Whether every 16 bytes of neighbours are aligned and lie in one segment.
template <typename Scalar>
bool takes_packs(const FakeQuantizeFloatCall& call) {
  constexpr int64_t count = 16 / sizeof(Scalar);
  return Alignment(sizeof(Scalar), call.x, call.y, call.grad).is_whole() &&
         (call.geometry.segments == 1 || call.geometry.segment_length % count == 0);
}

template <typename Scalar, bool is_backward, int count>
void launch(const FakeQuantizeFloatCall& call, cudaStream_t stream) {
  launch_kernel(fake_quantize_float_kernel<Scalar, is_backward, count>,
                grid_blocks(tiles_of(call.geometry.elements() / count, at_once)), stream, call, FloatPacks(call));
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
  with_scalar_of(call.format, [&](auto scalar) { launch_as<decltype(scalar)>(call, stream); });
}

}  // namespace compress::cuda
