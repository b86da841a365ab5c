#pragma once

// Short stretches of a tensor brought into the first-level cache as float or double, masked on the way, so that a loop
// over a formula is written once for every element type and with or without a mask. float32 without a mask is used
// where it lies.

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <cstdint>

#include "compress/core/macros.h"
#include "compress/core/mask_layout.h"
#include "compress/ops/cpu/isa/convert.h"
#include "compress/ops/cpu/isa/number.h"

namespace compress::cpu {

/// Elements of a tile: 2 KB as float. A multiple of every vector's lanes and of 8.
inline constexpr int64_t tile_length = 512;

/// `to` (zero where it is not yet written) gets `count` bits of `from`, bit by bit position.
COMPRESS_HOST_DEVICE void copy_bits(const uint8_t* from, int64_t from_bit, int64_t count, uint8_t* to, int64_t to_bit) {
  for (int64_t i = 0; i < count; i += 8) {
    const int64_t left = count - i;
    const int64_t bit = from_bit + i;
    const int shift = static_cast<int>(bit & 7);
    unsigned value = from[bit >> 3] >> shift;
    if (shift + left > 8) {
      value |= static_cast<unsigned>(from[(bit >> 3) + 1]) << (8 - shift);
    }
    value &= left < 8 ? (1u << left) - 1u : 0xffu;
    const int64_t target = to_bit + i;
    value <<= target & 7;
    to[target >> 3] = static_cast<uint8_t>(to[target >> 3] | value);
    if (value > 0xff) {
      to[(target >> 3) + 1] = static_cast<uint8_t>(to[(target >> 3) + 1] | value >> 8);
    }
  }
}

/// The mask's bits of elements element..element + count - 1 (count <= tile_length), the first at bit 0: where they lie,
/// or gathered over row ends into `buffer`, tile_length / 8 + 1 bytes.
COMPRESS_HOST_DEVICE const uint8_t* mask_bits(const PackedMask& mask, int64_t element, int64_t count, uint8_t* buffer) {
  const int64_t bit = mask.layout.bit_of(element);
  const int64_t row = mask.layout.row;
  const int64_t left_in_row = mask.layout.is_one_stream() ? count : row - element % row;
  if ((bit & 7) == 0 && left_in_row >= count) {
    return mask.bytes + (bit >> 3);
  }
  for (int64_t i = 0; i <= tile_length / 8; ++i) {
    buffer[i] = 0;
  }
  int64_t done = left_in_row < count ? left_in_row : count;
  copy_bits(mask.bytes, bit, done, buffer, 0);
  while (done < count) {
    const int64_t next = count - done < row ? count - done : row;
    copy_bits(mask.bytes, mask.layout.bit_of(element + done), next, buffer, done);
    done += next;
  }
  return buffer;
}

/// The unsigned integer as wide as a value.
template <int bytes>
struct BitsOf;
template <>
struct BitsOf<1> {
  using type = uint8_t;
};
template <>
struct BitsOf<2> {
  using type = uint16_t;
};
template <>
struct BitsOf<4> {
  using type = uint32_t;
};
template <>
struct BitsOf<8> {
  using type = uint64_t;
};

/// y = x where its bit of the byte is set, else +0, for eight elements of any type of 1, 2, 4 or 8 bytes.
template <typename Value>
COMPRESS_HOST_DEVICE void apply_byte(const Value* x, uint8_t byte, Value* y) {
  using UInt = typename BitsOf<sizeof(Value)>::type;
#if defined(__AVX2__)
  constexpr int widest = 32;
#else
  constexpr int widest = 16;
#endif
  constexpr int vector_bytes = 8 * sizeof(UInt) < widest ? 8 * sizeof(UInt) : widest;
  constexpr int lanes = vector_bytes / sizeof(UInt);
  typedef UInt Vector __attribute__((vector_size(vector_bytes)));
  constexpr UInt lane_bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += lanes) {
    Vector values;
    Vector lane_bit;
    __builtin_memcpy(&values, x + i, sizeof(values));
    __builtin_memcpy(&lane_bit, lane_bits + i, sizeof(lane_bit));
    values &= reinterpret_cast<Vector>(((Vector{} + byte) & lane_bit) == lane_bit);
    __builtin_memcpy(y + i, &values, sizeof(values));
  }
}

/// y = x where its bit is set, else +0. y may be x.
template <typename Value>
COMPRESS_HOST_DEVICE void apply_bits(const Value* x, const uint8_t* bits, int64_t count, Value* y) {
  int64_t i = 0;
#if defined(__AVX512F__)
  // Whole vectors through mask registers; narrower stores would also stall the wider loads that follow.
  if constexpr (sizeof(Value) == 4) {
    for (; i + 16 <= count; i += 16) {
      __mmask16 kept;
      __builtin_memcpy(&kept, bits + i / 8, sizeof(kept));
      _mm512_storeu_si512(y + i, _mm512_maskz_mov_epi32(kept, COMPRESS_ISA::loaded_whole(_mm512_loadu_si512(x + i))));
    }
  } else if constexpr (sizeof(Value) == 8) {
    for (; i + 8 <= count; i += 8) {
      const __m512i values = COMPRESS_ISA::loaded_whole(_mm512_loadu_si512(x + i));
      _mm512_storeu_si512(y + i, _mm512_maskz_mov_epi64(bits[i / 8], values));
    }
  }
#endif
  for (; i + 8 <= count; i += 8) {
    apply_byte(x + i, bits[i / 8], y + i);
  }
  for (; i < count; ++i) {
    y[i] = (bits[i / 8] >> (i % 8)) & 1 ? x[i] : Value{0};
  }
}

/// Whether arithmetic on `Scalar` needs another type, so that a tile of it goes through a buffer.
template <typename Scalar>
inline constexpr bool is_converted = !__is_same(Scalar, Real<Scalar>);

/// `count` elements as reals, masked where `bits` is not null; in `buffer`, or where they lie.
template <typename Scalar>
COMPRESS_HOST_DEVICE const Real<Scalar>* load_tile(const Scalar* x, int64_t count, const uint8_t* bits,
                                                   Real<Scalar>* buffer) {
  const Real<Scalar>* reals;
  if constexpr (is_converted<Scalar>) {
    COMPRESS_ISA::to_reals(x, count, buffer);
    reals = buffer;
  } else {
    reals = x;
  }
  if (bits != nullptr) {
    apply_bits(reals, bits, count, buffer);
    reals = buffer;
  }
  return reals;
}

/// Where a tile's results are computed: in y itself, or in `buffer`, from which store_tile takes them there.
template <typename Scalar>
COMPRESS_HOST_DEVICE Real<Scalar>* result_of_tile(Scalar* y, Real<Scalar>* buffer) {
  if constexpr (is_converted<Scalar>) {
    return buffer;
  } else {
    return y;
  }
}

template <typename Scalar>
COMPRESS_HOST_DEVICE void store_tile(const Real<Scalar>* results, int64_t count, Scalar* y) {
  if constexpr (is_converted<Scalar>) {
    COMPRESS_ISA::from_reals(results, count, y);
  }
}

}  // namespace compress::cpu
