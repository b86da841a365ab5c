#include "compress/ops/cpu/isa/fake_quantize.h"

#include "compress/ops/cpu/isa/grids.h"
#include "compress/ops/cpu/isa/tile.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

using math::AffineGrid;
using math::BlockPieces;
using math::Piece;

// Called, not inlined: once per piece, and their decoding of positions would be copied into every loop below.
__attribute__((noinline)) Piece piece_of(const BlockPieces& pieces, int64_t number) {
  return pieces.piece(number);
}
__attribute__((noinline)) int64_t element_of(const BlockPieces& pieces, const Piece& piece, int64_t run) {
  return pieces.element(piece, run);
}

template <typename Product, typename Value, typename Grids>
COMPRESS_HOST_DEVICE void quantize(const Value* __restrict__ x, const Grids& grids, int64_t count,
                                   Value* __restrict__ y) {
  for (int64_t i = 0; i < count; ++i) {
    y[i] = math::fake_quantize<Product>(x[i], grids[i]);
  }
}

/// Elements element..element + length - 1, of which the first has grids[0]. Column blocks are no longer than a tile.
template <typename Product, typename Scalar, typename Grids>
COMPRESS_HOST_DEVICE void quantize_run(const FakeQuantizeCall& call, int64_t element, int64_t length,
                                       const Grids& grids) {
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* y = static_cast<Scalar*>(call.y) + element;
  if constexpr (!is_converted<Scalar>) {
    if (call.mask.bytes == nullptr) {
      quantize<Product>(x, grids, length, y);
      return;
    }
  }
  uint8_t bit_buffer[tile_length / 8 + 1];
  Real<Scalar> buffer[tile_length];
  Real<Scalar> result_buffer[tile_length];
  for (int64_t begin = 0; begin < length; begin += tile_length) {
    const int64_t count = length - begin < tile_length ? length - begin : tile_length;
    const uint8_t* bits =
        call.mask.bytes == nullptr ? nullptr : mask_bits(call.mask, element + begin, count, bit_buffer);
    Real<Scalar>* results = result_of_tile(y + begin, result_buffer);
    quantize<Product>(load_tile(x + begin, count, bits, buffer), grids, count, results);
    store_tile(results, count, y + begin);
  }
}

template <typename Product, typename Scalar>
void quantize_pieces(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  for (int64_t number = begin; number < end; ++number) {
    const Piece piece = piece_of(pieces, number);
    if (call.quantizer.geometry.scale_step == 0) {
      quantize_run<Product, Scalar>(call, element_of(pieces, piece, 0), piece.length,
                                    OneGrid{call.quantizer.grid(piece.scale)});
      continue;
    }
    ColumnGrids grids;
    grids.load(call.quantizer, piece.scale, piece.length);
    for (int64_t run = 0; run < piece.runs; ++run) {
      quantize_run<Product, Scalar>(call, element_of(pieces, piece, run), piece.length, grids);
    }
  }
}

/// Sums under one scale. As many lanes as the widest vector has, on every instruction set, and always the same element
/// in the same lane: the same bits everywhere.
template <typename Value>
struct LaneSums {
  static constexpr int lanes = 16;
  Value scale[lanes] = {};
  Value zero_point[lanes] = {};

  template <typename Output>
  COMPRESS_HOST_DEVICE void backward(const Value* __restrict__ grad, const Value* __restrict__ x, const OneGrid& grids,
                                     int64_t count, Output* __restrict__ dx) {
    LaneSums sums = *this;
    const AffineGrid grid = grids.grid;
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      for (int lane = 0; lane < lanes; ++lane) {
        const auto gradient = math::fake_quantize_backward(grad[i + lane], x[i + lane], grid);
        if constexpr (!__is_same(Output, const void)) {
          dx[i + lane] = gradient.x;
        }
        sums.scale[lane] += gradient.scale;
        sums.zero_point[lane] += gradient.zero_point;
      }
    }
    for (int lane = 0; i + lane < count; ++lane) {
      const auto gradient = math::fake_quantize_backward(grad[i + lane], x[i + lane], grid);
      if constexpr (!__is_same(Output, const void)) {
        dx[i + lane] = gradient.x;
      }
      sums.scale[lane] += gradient.scale;
      sums.zero_point[lane] += gradient.zero_point;
    }
    *this = sums;
  }

  /// Lanes 0 and 8, 1 and 9, ... first, then halves of that.
  static COMPRESS_HOST_DEVICE double total(const Value* values) {
    typedef Value Sixteen __attribute__((vector_size(16 * sizeof(Value))));
    Sixteen sixteen;
    __builtin_memcpy(&sixteen, values, sizeof(sixteen));
    const auto eight = __builtin_shufflevector(sixteen, sixteen, 0, 1, 2, 3, 4, 5, 6, 7) +
                       __builtin_shufflevector(sixteen, sixteen, 8, 9, 10, 11, 12, 13, 14, 15);
    const auto four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    const auto two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
    return static_cast<double>(two[0] + two[1]);
  }

  COMPRESS_HOST_DEVICE void store(double* sums, int64_t) {
    sums[0] = total(scale);
    sums[1] = total(zero_point);
  }
};

/// Sums under one scale per column.
template <typename Value>
struct ColumnSums {
  Value scale[BlockPieces::block_columns] = {};
  Value zero_point[BlockPieces::block_columns] = {};

  template <typename Output>
  COMPRESS_HOST_DEVICE void backward(const Value* __restrict__ grad, const Value* __restrict__ x,
                                     const ColumnGrids& grids, int64_t count, Output* __restrict__ dx) {
    for (int64_t i = 0; i < count; ++i) {
      const auto gradient = math::fake_quantize_backward(grad[i], x[i], grids[i]);
      if constexpr (!__is_same(Output, const void)) {
        dx[i] = gradient.x;
      }
      scale[i] += gradient.scale;
      zero_point[i] += gradient.zero_point;
    }
  }

  COMPRESS_HOST_DEVICE void store(double* sums, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      sums[2 * i] = static_cast<double>(scale[i]);
      sums[2 * i + 1] = static_cast<double>(zero_point[i]);
    }
  }
};

/// Where only dx is wanted.
struct NoSums {
  template <typename Value, typename Grids, typename Output>
  COMPRESS_HOST_DEVICE void backward(const Value* __restrict__ grad, const Value* __restrict__ x, const Grids& grids,
                                     int64_t count, Output* __restrict__ dx) {
    for (int64_t i = 0; i < count; ++i) {
      dx[i] = math::fake_quantize_backward(grad[i], x[i], grids[i]).x;
    }
  }
  COMPRESS_HOST_DEVICE void store(double*, int64_t) {}
};

template <typename Scalar, bool WritesDx, typename Sums, typename Grids>
COMPRESS_HOST_DEVICE void backward_run(const FakeQuantizeBackwardCall& call, int64_t element, int64_t length,
                                       const Grids& grids, Sums& sums) {
  using Value = Real<Scalar>;
  const Scalar* grad = static_cast<const Scalar*>(call.grad) + element;
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* dx = WritesDx ? static_cast<Scalar*>(call.dx) + element : nullptr;
  if constexpr (!is_converted<Scalar>) {
    if (call.mask.bytes == nullptr) {
      if constexpr (WritesDx) {
        sums.backward(grad, x, grids, length, dx);
      } else {
        sums.template backward<const void>(grad, x, grids, length, nullptr);
      }
      return;
    }
  }
  uint8_t bit_buffer[tile_length / 8 + 1];
  Value grad_buffer[tile_length];
  Value x_buffer[tile_length];
  Value result_buffer[tile_length];
  for (int64_t begin = 0; begin < length; begin += tile_length) {
    const int64_t count = length - begin < tile_length ? length - begin : tile_length;
    const uint8_t* bits =
        call.mask.bytes == nullptr ? nullptr : mask_bits(call.mask, element + begin, count, bit_buffer);
    // A masked element is x = 0 with gradient 0: inside every grid, and no term of any sum.
    const Value* grads = load_tile(grad + begin, count, bits, grad_buffer);
    const Value* reals = load_tile(x + begin, count, bits, x_buffer);
    if constexpr (!WritesDx) {
      sums.template backward<const void>(grads, reals, grids, count, nullptr);
    } else {
      Value* results = result_of_tile(dx + begin, result_buffer);
      sums.backward(grads, reals, grids, count, results);
      store_tile(results, count, dx + begin);
    }
  }
}

/// `Sums` holds the sums of a piece under one scale, `Columns` under one scale per column.
template <typename Scalar, bool WritesDx, typename Sums, typename Columns>
void backward_pieces(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  for (int64_t number = begin; number < end; ++number) {
    const Piece piece = piece_of(pieces, number);
    double* to = call.sums == nullptr ? nullptr : call.sums + 2 * number * pieces.sums_per_piece();
    if (call.quantizer.geometry.scale_step == 0) {
      Sums sums;
      backward_run<Scalar, WritesDx>(call, element_of(pieces, piece, 0), piece.length,
                                     OneGrid{call.quantizer.grid(piece.scale)}, sums);
      sums.store(to, 1);
      continue;
    }
    ColumnGrids grids;
    grids.load(call.quantizer, piece.scale, piece.length);
    Columns sums;
    for (int64_t run = 0; run < piece.runs; ++run) {
      backward_run<Scalar, WritesDx>(call, element_of(pieces, piece, run), piece.length, grids, sums);
    }
    sums.store(to, piece.length);
  }
}

template <typename Scalar>
void backward_as(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  using Value = Real<Scalar>;
  if (call.sums == nullptr) {
    backward_pieces<Scalar, true, NoSums, NoSums>(call, pieces, begin, end);
  } else if (call.dx == nullptr) {
    backward_pieces<Scalar, false, LaneSums<Value>, ColumnSums<Value>>(call, pieces, begin, end);
  } else {
    backward_pieces<Scalar, true, LaneSums<Value>, ColumnSums<Value>>(call, pieces, begin, end);
  }
}

}  // namespace

void fake_quantize_pieces(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  with_scalar_of(call.format, [&](auto scalar) {
    using Scalar = decltype(scalar);
    if constexpr (__is_same(Scalar, double)) {
      if (call.quantizer.geometry.scale_count > 1) {
        return quantize_pieces<double, Scalar>(call, pieces, begin, end);
      }
    }
    quantize_pieces<float, Scalar>(call, pieces, begin, end);
  });
}

void fake_quantize_backward_pieces(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin,
                                   int64_t end) {
  with_scalar_of(call.format, [&](auto scalar) { backward_as<decltype(scalar)>(call, pieces, begin, end); });
}

}  // namespace compress::cpu::COMPRESS_ISA
