#pragma once

// Walks over the pieces of a call, with their grids and their mask's bits.

#include "compress/ops/cpu/isa/grids.h"
#include "compress/ops/cpu/isa/lanes.h"
#include "compress/ops/cpu/isa/tile.h"
#include "compress/ops/cpu/isa/vector.h"
#include "compress/ops/math/block_pieces.h"
#include "compress/ops/math/quantizer.h"

namespace compress::cpu::COMPRESS_ISA {

// Called, not inlined: seldom, and they would be copied into every loop below.
// static: an object exports none of them (tests/python/test_isa_objects.py).
__attribute__((noinline)) static inline math::Piece piece_of(const math::BlockPieces& pieces, int64_t number) {
  return pieces.piece(number);
}
__attribute__((noinline)) static inline int64_t element_of(const math::BlockPieces& pieces, const math::Piece& piece,
                                                           int64_t run) {
  return pieces.element(piece, run);
}
__attribute__((noinline)) static inline const uint8_t* gathered_bits(const PackedMask& mask, int64_t element,
                                                                     int64_t count, uint8_t* buffer) {
  return mask_bits(mask, element, count, buffer);
}

/// A number that the compiler knows: it writes out loops over so few elements.
template <int64_t number>
struct Known {
  COMPRESS_HOST_DEVICE constexpr operator int64_t() const { return number; }
};

/// The length of a group (see are_groups): no part of a block is left at its end.
template <typename Length>
struct WholeBlocks {
  Length length;
};

COMPRESS_ISA_INLINE int64_t number_of(int64_t length) {
  return length;
}
template <typename Length>
COMPRESS_ISA_INLINE int64_t number_of(WholeBlocks<Length> group) {
  return group.length;
}

/// Whether each piece is a group of whole blocks with the scale of its number, whose mask needs no gathering.
COMPRESS_ISA_INLINE bool are_groups(const math::BlockPieces& pieces, const PackedMask& mask, int64_t block) {
  const BlockGeometry& geometry = pieces.geometry;
  return geometry.one_to_one && pieces.parts == 1 && geometry.segment_length % block == 0 &&
         (mask.bytes == nullptr || mask.layout.is_one_stream());
}

/// Calls body(first, count, grids) for groups begin..end - 1, up to 16 at once. Groups may be short: their grids are
/// made in vectors, yet not many at a time, so that divisions pass beside the work on other groups.
template <typename Body>
COMPRESS_ISA_INLINE void over_group_grids(const math::Quantizer& quantizer, int64_t begin, int64_t end,
                                          const Body& body) {
  constexpr int64_t at_once = 16;
  const auto load = [&](GridArrays<at_once> & grids, int64_t first) __attribute__((always_inline)) {
    if (end - first >= at_once) {
      grids.load(quantizer, first, Known<at_once>{});
    } else if (first < end) {
      grids.load(quantizer, first, end - first);
    }
  };
  GridArrays<at_once> grids[2];
  load(grids[0], begin);
  for (int64_t first = begin, now = 0; first < end; first += at_once, now = 1 - now) {
    load(grids[1 - now], first + at_once);
    body(first, end - first < at_once ? end - first : at_once, grids[now]);
  }
}

/// Calls body(number, element, length, grid) for pieces begin..end - 1 (scale_step 0).
template <typename Body>
COMPRESS_ISA_INLINE void over_piece_grids(const math::Quantizer& quantizer, const math::BlockPieces& pieces,
                                          int64_t begin, int64_t end, const Body& body) {
  for (int64_t number = begin; number < end; ++number) {
    const math::Piece piece = piece_of(pieces, number);
    body(number, element_of(pieces, piece, 0), piece.length, OneGrid{quantizer.grid(piece.scale)});
  }
}

/// Calls body(number, piece, length, grids) for pieces begin..end - 1 (scale_step 1). Neighbours in the same rows are
/// taken together, from piece `number` on and `length` columns wide: the longer a stretch of a row, the better memory
/// streams.
template <typename Body>
COMPRESS_ISA_INLINE void over_column_grids(const math::Quantizer& quantizer, const math::BlockPieces& pieces,
                                           int64_t begin, int64_t end, const Body& body) {
  constexpr int64_t width = math::BlockPieces::block_columns;
  ColumnGrids grids;
  for (int64_t number = begin; number < end;) {
    const math::Piece piece = piece_of(pieces, number);
    const int64_t left = pieces.geometry.segment_length - piece.offset;
    const int64_t most = left < ColumnGrids::capacity ? left : ColumnGrids::capacity;
    const int64_t length = (end - number) * width < most ? (end - number) * width : most;
    grids.load(quantizer, piece.scale, length);
    body(number, piece, length, grids);
    number += (length + width - 1) / width;
  }
}

/// Calls body(element, length, grids) for the stretches of neighbours in pieces begin..end - 1; the first, number
/// `element`, has grids[0]. Lengths are numbers, or WholeBlocks of groups.
template <typename Scalar, typename Body>
COMPRESS_ISA_INLINE void over_stretches(const math::Quantizer& quantizer, const PackedMask& mask,
                                        const math::BlockPieces& pieces, int64_t begin, int64_t end, const Body& body) {
  const auto over_groups = [&](auto length) __attribute__((always_inline)) {
    over_group_grids(
        quantizer, begin, end, [&](int64_t first, int64_t count, const auto& grids) __attribute__((always_inline)) {
          for (int64_t i = 0; i < count; ++i) {
            body((first + i) * length, WholeBlocks{length}, OneGrid{grids[i]});
          }
        });
  };
  const int64_t length = quantizer.geometry.segment_length;
  if (quantizer.geometry.scale_step != 0) {
    over_column_grids(
        quantizer, pieces, begin, end,
        [&](int64_t, const math::Piece& piece, int64_t columns, const ColumnGrids& grids)
            __attribute__((always_inline)) {
              for (int64_t run = 0; run < piece.runs; ++run) {
                body(element_of(pieces, piece, run), columns, grids);
              }
            });
  } else if (!are_groups(pieces, mask, block<Scalar>)) {
    over_piece_grids(
        quantizer, pieces, begin,
        end, [&](int64_t, int64_t element, int64_t elements, const OneGrid& grid) __attribute__((always_inline)) {
          body(element, elements, grid);
        });
  } else if (length == 32) {
    over_groups(Known<32>{});
  } else {
    over_groups(length);
  }
}

/// Calls body(Scalar(), Product()) with the element type and what ATen rounds products to (see math::scaled).
template <typename Body>
COMPRESS_ISA_INLINE void with_types_of(math::FloatFormat format, const math::Quantizer& quantizer, const Body& body) {
  with_scalar_of(format, [&](auto scalar) {
    if constexpr (__is_same(decltype(scalar), double)) {
      if (quantizer.geometry.scale_count > 1) {
        return body(scalar, double());
      }
    }
    body(scalar, float());
  });
}

/// Calls body(bits, begin, count) for the parts of a run whose bits lie in one place; for all of it without a mask.
template <bool masked, typename Body>
COMPRESS_ISA_INLINE void over_mask(const PackedMask& mask, int64_t element, int64_t length, const Body& body) {
  if constexpr (!masked) {
    body(nullptr, 0, length);
  } else {
    const bool in_place = mask.layout.is_one_stream() && element % 8 == 0;
    uint8_t buffer[tile_length / 8 + 1];
    for (int64_t begin = 0, count = 0; begin < length; begin += count) {
      count = in_place || length - begin < tile_length ? length - begin : tile_length;
      const int64_t first = element + begin;
      body(in_place ? mask.bytes + first / 8 : gathered_bits(mask, first, count, buffer), begin, count);
    }
  }
}
template <bool masked, typename Length, typename Body>
COMPRESS_ISA_INLINE void over_mask(const PackedMask& mask, int64_t element, WholeBlocks<Length> group,
                                   const Body& body) {
  body(masked ? mask.bytes + element / 8 : nullptr, 0, group);
}

/// Calls on_block(i) for every whole block of a stretch, then on_rest(i, count) where part of one is left.
template <typename Scalar, typename OnBlock, typename OnRest>
COMPRESS_ISA_INLINE void over_blocks(int64_t length, const OnBlock& on_block, const OnRest& on_rest) {
  int64_t i = 0;
  for (; i + block<Scalar> <= length; i += block<Scalar>) {
    on_block(i);
  }
  if (i < length) {
    on_rest(i, length - i);
  }
}
template <typename Scalar, typename Length, typename OnBlock, typename OnRest>
COMPRESS_ISA_INLINE void over_blocks(WholeBlocks<Length> group, const OnBlock& on_block, const OnRest&) {
  for (int64_t i = 0; i < group.length; i += block<Scalar>) {
    on_block(i);
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
