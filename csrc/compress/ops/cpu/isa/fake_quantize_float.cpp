#include "compress/ops/cpu/isa/fake_quantize_float.h"

#include "compress/ops/cpu/isa/tile.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

using math::FakeQuantizeFloatCall;
using math::SharedScale;
using math::SmallFloat;

// How the scales of neighbouring elements are read, and x divided by them.

struct OneScale {
  float scale;
  COMPRESS_HOST_DEVICE float of(int64_t) const { return scale; }
  template <typename Value>
  COMPRESS_HOST_DEVICE float quotient(Value x, int64_t) const {
    return math::quotient(x, scale);
  }
};

struct OnePowerOfTwo {
  float scale;
  float reciprocal;
  COMPRESS_HOST_DEVICE float of(int64_t) const { return scale; }
  template <typename Value>
  COMPRESS_HOST_DEVICE float quotient(Value x, int64_t) const {
    return static_cast<float>(x * static_cast<Value>(reciprocal));
  }
};

struct ScalePerElement {
  const float* scales;
  COMPRESS_HOST_DEVICE float of(int64_t i) const { return scales[i]; }
  template <typename Value>
  COMPRESS_HOST_DEVICE float quotient(Value x, int64_t i) const {
    return math::quotient(x, scales[i]);
  }
};

/// Neighbouring elements to work on, in the type that arithmetic is done in.
template <typename Value>
struct Elements {
  const Value* grad;  // null in the forward
  const Value* x;
  Value* y;
  int64_t count;

  COMPRESS_HOST_DEVICE Elements part(int64_t begin, int64_t length) const {
    return {grad == nullptr ? nullptr : grad + begin, x + begin, y + begin, length};
  }
};

template <bool is_backward, typename Value, typename Scale>
COMPRESS_HOST_DEVICE void take(const Elements<Value>& elements, const Scale& scale, const SmallFloat& format,
                               int64_t count) {
  const Value* __restrict__ grad = elements.grad;
  const Value* __restrict__ x = elements.x;
  Value* __restrict__ y = elements.y;
#pragma GCC unroll 1  // a block of 16 would be unrolled to scalars before it can become a vector
  for (int64_t i = 0; i < count; ++i) {
    const float quotient = scale.quotient(x[i], i);
    if constexpr (is_backward) {
      y[i] = math::float_grid_gradient(grad[i], quotient, format);
    } else {
      y[i] = math::on_float_grid<Value>(quotient, scale.of(i), format);
    }
  }
}

template <bool is_backward, typename Value>
COMPRESS_HOST_DEVICE void take_under(float scale, const Elements<Value>& elements, const SmallFloat& format,
                                     int64_t count) {
  const SharedScale shared = math::make_shared_scale(scale);
  if (shared.has_exact_reciprocal) {
    take<is_backward>(elements, OnePowerOfTwo{shared.value, shared.reciprocal}, format, count);
  } else {
    take<is_backward>(elements, OneScale{shared.value}, format, count);
  }
}

/// Blocks of one scale each. Their length is known to the compiler: no loop over a block is left.
template <bool is_backward, int64_t length, typename Value>
void take_blocks(const float* scales, const Elements<Value>& blocks, SmallFloat format) {
  for (int64_t begin = 0; begin < blocks.count; begin += length) {
    take_under<is_backward>(*scales++, blocks.part(begin, length), format, length);
  }
}

// Called, not inlined: its decoding of positions would be copied into every loop.
__attribute__((noinline)) int64_t decoded_first_scale(const BlockGeometry& geometry, int64_t segment) {
  return geometry.first_scale(segment);
}

/// Walks the elements in memory order, segment after segment.
class SegmentWalk {
 public:
  COMPRESS_HOST_DEVICE SegmentWalk(const FakeQuantizeFloatCall& call, int64_t element)
      : call_(call), length_(call.geometry.segment_length), segment_(element / length_) {
    at_ = element - segment_ * length_;
  }

  /// Takes the next elements, as many as `elements` has.
  template <bool is_backward, typename Value>
  COMPRESS_HOST_DEVICE void over(const Elements<Value>& elements) {
    for (int64_t done = 0; done < elements.count;) {
      const Elements<Value> left = elements.part(done, elements.count - done);
      const int64_t blocks = over_blocks<is_backward>(left);
      done += blocks > 0 ? blocks : over_part_of_segment<is_backward>(left);
    }
  }

 private:
  /// Whole blocks of the lengths that hardware has: MX's 32 and NVFP4's 16. Returns the elements done.
  template <bool is_backward, typename Value>
  COMPRESS_HOST_DEVICE int64_t over_blocks(const Elements<Value>& elements) {
    if (!call_.geometry.one_to_one || at_ != 0 || (length_ != 32 && length_ != 16)) {
      return 0;
    }
    const int64_t count = elements.count / length_ * length_;
    if (length_ == 32) {
      take_blocks<is_backward, 32>(call_.scale + segment_, elements.part(0, count), call_.small_float);
    } else {
      take_blocks<is_backward, 16>(call_.scale + segment_, elements.part(0, count), call_.small_float);
    }
    segment_ += count / length_;
    return count;
  }

  template <bool is_backward, typename Value>
  COMPRESS_HOST_DEVICE int64_t over_part_of_segment(const Elements<Value>& elements) {
    const int64_t left = length_ - at_;
    const int64_t count = left < elements.count ? left : elements.count;
    const Elements<Value> part = elements.part(0, count);
    const float* scale =
        call_.scale + (call_.geometry.one_to_one ? segment_ : decoded_first_scale(call_.geometry, segment_));
    if (call_.geometry.scale_step != 0) {
      take<is_backward>(part, ScalePerElement{scale + at_}, call_.small_float, count);
    } else {
      take_under<is_backward>(*scale, part, call_.small_float, count);
    }
    at_ += count;
    if (at_ == length_) {
      at_ = 0;
      ++segment_;
    }
    return count;
  }

  const FakeQuantizeFloatCall& call_;
  int64_t length_;
  int64_t segment_;
  int64_t at_;  // within the segment
};

template <bool is_backward, typename Scalar>
void take_range(const FakeQuantizeFloatCall& call, int64_t begin, int64_t end) {
  using Value = Real<Scalar>;
  const Scalar* grad = static_cast<const Scalar*>(call.grad);
  const Scalar* x = static_cast<const Scalar*>(call.x);
  Scalar* y = static_cast<Scalar*>(call.y);
  SegmentWalk walk(call, begin);
  if constexpr (__is_same(Scalar, Value)) {
    if (call.mask.bytes == nullptr) {
      walk.over<is_backward>(Elements<Value>{is_backward ? grad + begin : nullptr, x + begin, y + begin, end - begin});
      return;
    }
  }
  uint8_t bit_buffer[tile_length / 8 + 1];
  Value x_buffer[tile_length];
  Value grad_buffer[tile_length];
  Value result[tile_length];
  for (int64_t element = begin; element < end; element += tile_length) {
    const int64_t count = end - element < tile_length ? end - element : tile_length;
    // A masked element is x = 0 with gradient 0.
    const uint8_t* bits = call.mask.bytes == nullptr ? nullptr : mask_bits(call.mask, element, count, bit_buffer);
    const Value* reals = load_tile(x + element, count, bits, x_buffer);
    const Value* grads = is_backward ? load_tile(grad + element, count, bits, grad_buffer) : nullptr;
    if constexpr (__is_same(Scalar, Value)) {
      walk.over<is_backward>(Elements<Value>{grads, reals, y + element, count});
    } else {
      walk.over<is_backward>(Elements<Value>{grads, reals, result, count});
      store_tile(result, count, y + element);
    }
  }
}

}  // namespace

void fake_quantize_float_range(const FakeQuantizeFloatCall& call, int64_t begin, int64_t end) {
  with_scalar_of(call.format, [&](auto scalar) {
    using Scalar = decltype(scalar);
    if (call.grad == nullptr) {
      take_range<false, Scalar>(call, begin, end);
    } else {
      take_range<true, Scalar>(call, begin, end);
    }
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
