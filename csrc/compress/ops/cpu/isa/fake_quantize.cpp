#include "compress/ops/cpu/isa/fake_quantize.h"

#include "compress/ops/cpu/isa/lanes.h"
#include "compress/ops/cpu/isa/tile.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

using math::BlockPieces;
using math::Piece;

// Called, not inlined: once per piece, and their decoding of positions would be copied into every loop below.
__attribute__((noinline)) Piece piece_of(const BlockPieces& pieces, int64_t number) {
  return pieces.piece(number);
}
__attribute__((noinline)) int64_t element_of(const BlockPieces& pieces, const Piece& piece, int64_t run) {
  return pieces.element(piece, run);
}

/// Calls body(number, element, length, grid) for pieces begin..end - 1 (scale_step 0).
template <typename Body>
COMPRESS_ISA_INLINE void over_shared_grids(const math::Quantizer& quantizer, const BlockPieces& pieces, int64_t begin,
                                           int64_t end, const Body& body) {
  if (!pieces.geometry.one_to_one || pieces.parts > 1) {
    for (int64_t number = begin; number < end; ++number) {
      const Piece piece = piece_of(pieces, number);
      body(number, element_of(pieces, piece, 0), piece.length, OneGrid{quantizer.grid(piece.scale)});
    }
    return;
  }
  // A piece is a segment and its number that of its scale: groups may be short, so their grids are made in vectors.
  const int64_t length = pieces.geometry.segment_length;
  ColumnGrids grids;
  for (int64_t first = begin; first < end; first += ColumnGrids::capacity) {
    const int64_t count = end - first < ColumnGrids::capacity ? end - first : ColumnGrids::capacity;
    grids.load(quantizer, first, count);
    for (int64_t i = 0; i < count; ++i) {
      body(first + i, (first + i) * length, length, OneGrid{grids[i]});
    }
  }
}

/// Calls body(bits, begin, count) for the parts of a run whose bits lie in one place; for all of it without a mask.
template <bool masked, typename Body>
COMPRESS_ISA_INLINE void over_mask(const PackedMask& mask, int64_t element, int64_t length, const Body& body) {
  if constexpr (!masked) {
    body(nullptr, 0, length);
  } else {
    uint8_t buffer[tile_length / 8 + 1];
    for (int64_t begin = 0; begin < length; begin += tile_length) {
      const int64_t count = length - begin < tile_length ? length - begin : tile_length;
      body(mask_bits(mask, element + begin, count, buffer), begin, count);
    }
  }
}

template <typename Product, bool masked, typename Scalar, typename Grids>
COMPRESS_ISA_INLINE void quantize_block(const Scalar* x, const uint8_t* bits, const Grids& grids, int64_t i,
                                        Scalar* y) {
  using Value = Real<Scalar>;
#pragma GCC unroll 4
  for (int lane = 0; lane < block<Scalar>; lane += lanes<Value>) {
    Vector<Value> reals = load_reals(x + lane);
    if constexpr (masked) {
      reals = keep(reals, bits, lane);
    }
    const Vector<Value> result = math::fake_quantize<Value>(reals, grids_at<Value>(grids, i + lane));
    store_reals(y + lane, rounded_to<Product>(result));
  }
}

template <typename Product, bool masked, typename Scalar, typename Grids>
COMPRESS_ISA_INLINE void quantize(const Scalar* x, const uint8_t* bits, const Grids& grids, int64_t first,
                                  int64_t count, Scalar* y) {
  int64_t i = 0;
  for (; i + block<Scalar> <= count; i += block<Scalar>) {
    quantize_block<Product, masked>(x + i, bits + i / 8, grids, first + i, y + i);
  }
  if (i < count) {
    const Remainder<Scalar> from(x + i, masked ? bits + i / 8 : nullptr, count - i);
    Scalar to[block<Scalar>];
    quantize_block<Product, masked>(from.values, from.bits, grids, first + i, to);
    __builtin_memcpy(y + i, to, static_cast<size_t>(count - i) * sizeof(Scalar));
  }
}

/// Elements element..element + length - 1, of which the first has grids[0].
template <typename Product, bool masked, typename Scalar, typename Grids>
COMPRESS_ISA_INLINE void quantize_run(const FakeQuantizeCall& call, int64_t element, int64_t length,
                                      const Grids& grids) {
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* y = static_cast<Scalar*>(call.y) + element;
  over_mask<masked>(call.mask, element, length, [&](const uint8_t* bits, int64_t begin, int64_t count) {
    quantize<Product, masked>(x + begin, bits, grids, begin, count, y + begin);
  });
}

template <typename Product, bool masked, typename Scalar>
void quantize_pieces(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  if (call.quantizer.geometry.scale_step == 0) {
    over_shared_grids(call.quantizer, pieces, begin, end,
                      [&](int64_t, int64_t element, int64_t length, const OneGrid& grid) {
                        quantize_run<Product, masked, Scalar>(call, element, length, grid);
                      });
    return;
  }
  ColumnGrids grids;
  for (int64_t number = begin; number < end; ++number) {
    const Piece piece = piece_of(pieces, number);
    grids.load(call.quantizer, piece.scale, piece.length);
    for (int64_t run = 0; run < piece.runs; ++run) {
      quantize_run<Product, masked, Scalar>(call, element_of(pieces, piece, run), piece.length, grids);
    }
  }
}

/// Sums under one scale: a lane per element of a block.
template <typename Value>
class LaneSums {
 public:
  COMPRESS_ISA_INLINE void add(int64_t, int lane, const math::FakeQuantizeGradient<Vector<Value>>& gradient) {
    scale_[lane / lanes<Value>] += gradient.scale;
    zero_point_[lane / lanes<Value>] += gradient.zero_point;
  }

  COMPRESS_ISA_INLINE void store(double* sums, int64_t) const {
    sums[0] = total(scale_);
    sums[1] = total(zero_point_);
  }

 private:
  // The upper half of the lanes is added to the lower, then halves of that. By value: the sums stay in registers.
  template <typename Values>
  static COMPRESS_ISA_INLINE Value halved(Values values) {
    constexpr int count = sizeof(Values) / sizeof(Value);
    if constexpr (count == 16) {
      return halved(__builtin_shufflevector(values, values, 0, 1, 2, 3, 4, 5, 6, 7) +
                    __builtin_shufflevector(values, values, 8, 9, 10, 11, 12, 13, 14, 15));
    } else if constexpr (count == 8) {
      return halved(__builtin_shufflevector(values, values, 0, 1, 2, 3) +
                    __builtin_shufflevector(values, values, 4, 5, 6, 7));
    } else if constexpr (count == 4) {
      return halved(__builtin_shufflevector(values, values, 0, 1) + __builtin_shufflevector(values, values, 2, 3));
    } else {
      return values[0] + values[1];
    }
  }
  static COMPRESS_ISA_INLINE double total(const Vector<Value>* vectors) {
    if constexpr (groups == 4) {
      return static_cast<double>(halved((vectors[0] + vectors[2]) + (vectors[1] + vectors[3])));
    } else if constexpr (groups == 2) {
      return static_cast<double>(halved(vectors[0] + vectors[1]));
    } else {
      return static_cast<double>(halved(vectors[0]));
    }
  }

  Vector<Value> scale_[groups] = {};
  Vector<Value> zero_point_[groups] = {};
};

/// Sums under one scale per column.
template <typename Value>
class ColumnSums {
 public:
  COMPRESS_ISA_INLINE void add(int64_t i, int lane, const math::FakeQuantizeGradient<Vector<Value>>& gradient) {
    COMPRESS_ISA::store(scale_ + i + lane, load(scale_ + i + lane) + gradient.scale);
    COMPRESS_ISA::store(zero_point_ + i + lane, load(zero_point_ + i + lane) + gradient.zero_point);
  }

  COMPRESS_ISA_INLINE void store(double* sums, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      sums[2 * i] = static_cast<double>(scale_[i]);
      sums[2 * i + 1] = static_cast<double>(zero_point_[i]);
    }
  }

 private:
  Value scale_[BlockPieces::block_columns] = {};
  Value zero_point_[BlockPieces::block_columns] = {};
};

/// Where only dx is wanted.
struct NoSums {
  template <typename Gradient>
  COMPRESS_ISA_INLINE void add(int64_t, int, const Gradient&) {}
  COMPRESS_ISA_INLINE void store(double*, int64_t) const {}
};

/// A masked element is x = 0 with gradient 0: inside every grid, and no term of any sum. So is what fills a block up.
template <bool writes_dx, bool masked, typename Scalar, typename Grids, typename Sums>
COMPRESS_ISA_INLINE void backward_block(const Scalar* grad, const Scalar* x, const uint8_t* bits, const Grids& grids,
                                        int64_t i, Scalar* dx, Sums& sums) {
  using Value = Real<Scalar>;
#pragma GCC unroll 4
  for (int lane = 0; lane < block<Scalar>; lane += lanes<Value>) {
    Vector<Value> grads = load_reals(grad + lane);
    Vector<Value> reals = load_reals(x + lane);
    if constexpr (masked) {
      grads = keep(grads, bits, lane);
      reals = keep(reals, bits, lane);
    }
    const auto gradient = math::fake_quantize_backward(grads, reals, grids_at<Value>(grids, i + lane));
    if constexpr (writes_dx) {
      store_reals(dx + lane, gradient.x);
    }
    sums.add(i, lane, gradient);
  }
}

template <bool writes_dx, bool masked, typename Scalar, typename Grids, typename Sums>
COMPRESS_ISA_INLINE void backward(const Scalar* grad, const Scalar* x, const uint8_t* bits, const Grids& grids,
                                  int64_t first, int64_t count, Scalar* dx, Sums& sums) {
  int64_t i = 0;
  for (; i + block<Scalar> <= count; i += block<Scalar>) {
    backward_block<writes_dx, masked>(grad + i, x + i, bits + i / 8, grids, first + i, dx + i, sums);
  }
  if (i < count) {
    const uint8_t* last_bits = masked ? bits + i / 8 : nullptr;
    const Remainder<Scalar> grads(grad + i, last_bits, count - i);
    const Remainder<Scalar> reals(x + i, last_bits, count - i);
    Scalar to[block<Scalar>];
    backward_block<writes_dx, masked>(grads.values, reals.values, reals.bits, grids, first + i, to, sums);
    if constexpr (writes_dx) {
      __builtin_memcpy(dx + i, to, static_cast<size_t>(count - i) * sizeof(Scalar));
    }
  }
}

template <typename Scalar, bool writes_dx, bool masked, typename Grids, typename Sums>
COMPRESS_ISA_INLINE void backward_run(const FakeQuantizeBackwardCall& call, int64_t element, int64_t length,
                                      const Grids& grids, Sums& sums) {
  const Scalar* grad = static_cast<const Scalar*>(call.grad) + element;
  const Scalar* x = static_cast<const Scalar*>(call.x) + element;
  Scalar* dx = static_cast<Scalar*>(call.dx) + (writes_dx ? element : 0);
  over_mask<masked>(call.mask, element, length, [&](const uint8_t* bits, int64_t begin, int64_t count) {
    backward<writes_dx, masked>(grad + begin, x + begin, bits, grids, begin, count, writes_dx ? dx + begin : dx, sums);
  });
}

/// `Sums` holds the sums of a piece under one scale, `Columns` under one scale per column.
template <typename Scalar, bool writes_dx, bool masked, typename Sums, typename Columns>
void backward_pieces(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  const auto sums_of = [&](int64_t number) {
    return call.sums == nullptr ? nullptr : call.sums + 2 * number * pieces.sums_per_piece();
  };
  if (call.quantizer.geometry.scale_step == 0) {
    over_shared_grids(call.quantizer, pieces, begin, end,
                      [&](int64_t number, int64_t element, int64_t length, const OneGrid& grid) {
                        Sums sums;
                        backward_run<Scalar, writes_dx, masked>(call, element, length, grid, sums);
                        sums.store(sums_of(number), 1);
                      });
    return;
  }
  ColumnGrids grids;
  for (int64_t number = begin; number < end; ++number) {
    const Piece piece = piece_of(pieces, number);
    grids.load(call.quantizer, piece.scale, piece.length);
    Columns sums;
    for (int64_t run = 0; run < piece.runs; ++run) {
      backward_run<Scalar, writes_dx, masked>(call, element_of(pieces, piece, run), piece.length, grids, sums);
    }
    sums.store(sums_of(number), piece.length);
  }
}

template <typename Scalar, bool masked>
void backward_as(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  using Value = Real<Scalar>;
  if (call.sums == nullptr) {
    backward_pieces<Scalar, true, masked, NoSums, NoSums>(call, pieces, begin, end);
  } else if (call.dx == nullptr) {
    backward_pieces<Scalar, false, masked, LaneSums<Value>, ColumnSums<Value>>(call, pieces, begin, end);
  } else {
    backward_pieces<Scalar, true, masked, LaneSums<Value>, ColumnSums<Value>>(call, pieces, begin, end);
  }
}

template <typename Product, typename Scalar>
void quantize_as(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  if (call.mask.bytes == nullptr) {
    quantize_pieces<Product, false, Scalar>(call, pieces, begin, end);
  } else {
    quantize_pieces<Product, true, Scalar>(call, pieces, begin, end);
  }
}

}  // namespace

void fake_quantize_pieces(const FakeQuantizeCall& call, const BlockPieces& pieces, int64_t begin, int64_t end) {
  with_scalar_of(call.format, [&](auto scalar) {
    using Scalar = decltype(scalar);
    if constexpr (__is_same(Scalar, double)) {
      if (call.quantizer.geometry.scale_count > 1) {
        return quantize_as<double, Scalar>(call, pieces, begin, end);
      }
    }
    quantize_as<float, Scalar>(call, pieces, begin, end);
  });
}

void fake_quantize_backward_pieces(const FakeQuantizeBackwardCall& call, const BlockPieces& pieces, int64_t begin,
                                   int64_t end) {
  with_scalar_of(call.format, [&](auto scalar) {
    using Scalar = decltype(scalar);
    if (call.mask.bytes == nullptr) {
      backward_as<Scalar, false>(call, pieces, begin, end);
    } else {
      backward_as<Scalar, true>(call, pieces, begin, end);
    }
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
