#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/fake_quantize_clip_mask.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/real.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cuda {
namespace {

using math::AffineGrid;
using math::FakeQuantizeCall;

/// The grids of neighbouring elements; looks the segment up once, then counts.
class GridCursor {
 public:
  __device__ GridCursor(const math::Quantizer& quantizer, int64_t element) : quantizer_(quantizer) {
    const int64_t length = quantizer.geometry.segment_length;
    if (quantizer.geometry.scale_count > 1) {
      segment_ = element / length;
      offset_ = element - segment_ * length;
      first_scale_ = quantizer.geometry.first_scale(segment_);
    } else {
      offset_ = INT64_MIN;  // the one segment does not end
    }
    grid_ = quantizer.grid(scale());
  }

  /// The grid of the next element.
  __device__ const AffineGrid& next() {
    if (stale_) {
      grid_ = quantizer_.grid(scale());
    }
    const AffineGrid& grid = grid_;
    ++offset_;
    stale_ = quantizer_.geometry.scale_step != 0;
    if (offset_ == quantizer_.geometry.segment_length) {
      stale_ = true;
      offset_ = 0;
      ++segment_;
      first_scale_ = segment_ < quantizer_.geometry.segments ? quantizer_.geometry.first_scale(segment_) : first_scale_;
    }
    return grid;
  }

 private:
  __device__ int64_t scale() const { return first_scale_ + (quantizer_.geometry.scale_step != 0 ? offset_ : 0); }

  const math::Quantizer& quantizer_;
  int64_t segment_ = 0;
  int64_t offset_ = 0;
  int64_t first_scale_ = 0;
  bool stale_ = false;
  AffineGrid grid_;
};

/// One element, and its bit. ATen's CUDA kernels multiply by the scale in float for every dtype.
template <typename Scalar>
__device__ __forceinline__ bool quantize(Scalar& value, bool kept, const AffineGrid& grid) {
  using Real = decltype(to_real(Scalar()));
  bool inside;
  from_real(math::fake_quantize_clipped<float>(kept ? to_real(value) : Real(0), grid, inside), value);
  return kept && inside;
}

// One thread per mask byte.
template <typename Scalar, bool aligned>
__global__ void __launch_bounds__(block_threads)
    quantize_bytes(const __grid_constant__ FakeQuantizeCall call, const __grid_constant__ MaskLayout layout,
                   uint8_t* clip_mask) {
  const Scalar* x = static_cast<const Scalar*>(call.x);
  Scalar* y = static_cast<Scalar*>(call.y);
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const unsigned kept = call.mask.bytes == nullptr ? 0xffu : call.mask.bytes[byte];
    unsigned bits = 0;
    if (aligned) {
      Eight<Scalar> eight = reinterpret_cast<const Eight<Scalar>*>(x)[byte];
      GridCursor grids(call.quantizer, 8 * byte);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        bits |= static_cast<unsigned>(quantize(eight.values[i], (kept >> i) & 1u, grids.next())) << i;
      }
      reinterpret_cast<Eight<Scalar>*>(y)[byte] = eight;
    } else {
      const ByteSpan span = span_of_byte(layout, byte);
      GridCursor grids(call.quantizer, span.element);
      for (int i = 0; i < span.count; ++i) {
        Scalar value = x[span.element + i];
        bits |= static_cast<unsigned>(quantize(value, (kept >> i) & 1u, grids.next())) << i;
        y[span.element + i] = value;
      }
    }
    clip_mask[byte] = static_cast<uint8_t>(bits);
  }
}

template <typename Scalar>
void launch(const FakeQuantizeCall& call, const MaskLayout& layout, uint8_t* clip_mask, cudaStream_t stream) {
  const bool aligned = has_aligned_eights<Scalar>(call.x, layout) && has_aligned_eights<Scalar>(call.y, layout);
  const auto kernel = aligned ? &quantize_bytes<Scalar, true> : &quantize_bytes<Scalar, false>;
  launch_kernel(kernel, thread_blocks(layout.bytes()), stream, call, layout, clip_mask);
}

}  // namespace

void launch_fake_quantize_clip_mask(const FakeQuantizeCall& call, const MaskLayout& layout, uint8_t* clip_mask,
                                    cudaStream_t stream) {
  switch (call.format) {
    case math::FloatFormat::float32:
      return launch<float>(call, layout, clip_mask, stream);
    case math::FloatFormat::float16:
      return launch<__half>(call, layout, clip_mask, stream);
    case math::FloatFormat::bfloat16:
      return launch<__nv_bfloat16>(call, layout, clip_mask, stream);
    case math::FloatFormat::float64:
      return launch<double>(call, layout, clip_mask, stream);
  }
}

}  // namespace compress::cuda
