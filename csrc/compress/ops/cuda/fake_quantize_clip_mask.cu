#include "compress/ops/cuda/bits.h"
#include "compress/ops/cuda/fake_quantize_clip_mask.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/quantize_tensor.h"

namespace compress::cuda {
namespace {

using math::FakeQuantizeCall;

/// Finds an element's run and the run's scale.
struct RunLookup {
  math::Divide run_of;
  math::MixedRadix scale_of;

  explicit RunLookup(const BlockGeometry& geometry)
      : run_of(geometry.segment_length), scale_of(math::scale_of_run(geometry)) {}
};

/// The grids of neighbouring elements; looks the run up once, then counts.
class GridCursor {
 public:
  __device__ GridCursor(const math::Quantizer& quantizer, const RunLookup& lookup, int64_t element)
      : quantizer_(quantizer), lookup_(lookup), segment_(lookup.run_of(element)) {
    offset_ = element - segment_ * quantizer.geometry.segment_length;
    first_scale_ = lookup.scale_of(segment_);
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
      first_scale_ = segment_ < quantizer_.geometry.segments ? lookup_.scale_of(segment_) : first_scale_;
    }
    return grid;
  }

 private:
  __device__ int64_t scale() const { return first_scale_ + (quantizer_.geometry.scale_step != 0 ? offset_ : 0); }

  const math::Quantizer& quantizer_;
  const RunLookup& lookup_;
  int64_t segment_;
  int64_t offset_ = 0;
  int64_t first_scale_ = 0;
  bool stale_ = false;
  AffineGrid grid_;
};

// Rows that end within bytes: a thread per byte.
template <typename Scalar>
__global__ void __launch_bounds__(block_threads)
    quantize_bytes(const __grid_constant__ FakeQuantizeCall call, const __grid_constant__ RunLookup lookup,
                   const __grid_constant__ MaskLayout layout, uint8_t* clip_mask) {
  const Scalar* x = static_cast<const Scalar*>(call.x);
  Scalar* y = static_cast<Scalar*>(call.y);
  for (int64_t byte = grid_index(); byte < layout.bytes(); byte += grid_stride()) {
    const unsigned kept = call.mask.bytes == nullptr ? 0xffu : call.mask.bytes[byte];
    const ByteSpan span = span_of_byte(layout, byte);
    GridCursor grids(call.quantizer, lookup, span.element);
    unsigned bits = 0;
    for (int i = 0; i < span.count; ++i) {
      auto value = load_pack<1>(x + span.element + i);
      const AffineGrid& grid = grids.next();
      bits |= quantize(value, kept >> i, [&](int) { return grid; }) << i;
      store_pack(y + span.element + i, value);
    }
    clip_mask[byte] = static_cast<uint8_t>(bits);
  }
}

void launch_bytes(const FakeQuantizeCall& call, const MaskLayout& layout, uint8_t* clip_mask, cudaStream_t stream) {
  const unsigned blocks = thread_blocks(layout.bytes());
  const RunLookup lookup(call.quantizer.geometry);
  with_scalar_of(call.format, [&](auto scalar) {
    launch_kernel(quantize_bytes<decltype(scalar)>, blocks, stream, call, lookup, layout, clip_mask);
  });
}

}  // namespace

void launch_fake_quantize_clip_mask(const FakeQuantizeCall& call, const MaskLayout& layout, uint8_t* clip_mask,
                                    cudaStream_t stream) {
  const BlockGeometry& geometry = call.quantizer.geometry;
  if (layout.is_one_stream() && (geometry.scale_step == 0 || geometry.segment_length % 8 == 0)) {
    launch_quantize<true>(call, clip_mask, stream);
  } else {
    launch_bytes(call, layout, clip_mask, stream);
  }
}

}  // namespace compress::cuda
