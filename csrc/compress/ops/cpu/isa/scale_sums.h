#pragma once

// The sums of fake_quantize's backward over the elements of one scale, in pairs: of scale, of zero_point (0 where it is
// not wanted), in the units of math::FakeQuantizeGradient.

#include <utility>

#include "compress/ops/cpu/isa/grids.h"
#include "compress/ops/cpu/isa/vector.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {

/// Both vectors are stretches of `width` lanes. Of each, the upper half is added to the lower; a's come first.
template <int width, typename Values, int... lane>
COMPRESS_ISA_INLINE Values add_halves(Values a, Values b, std::integer_sequence<int, lane...>) {
  constexpr int half = width / 2;
  return __builtin_shufflevector(a, b, (lane / half * width + lane % half)...) +
         __builtin_shufflevector(a, b, (lane / half * width + lane % half + half)...);
}
template <int width, typename Value>
COMPRESS_ISA_INLINE Vector<Value> add_halves(Vector<Value> a, Vector<Value> b) {
  return add_halves<width>(a, b, std::make_integer_sequence<int, lanes<Value>>{});
}

/// The first lane of each stretch of `width` is the stretch's sum, and these come first.
template <int width, typename Value>
COMPRESS_ISA_INLINE Vector<Value> add_stretches(Vector<Value> values) {
  if constexpr (width > 1) {
    return add_stretches<width / 2, Value>(add_halves<width, Value>(values, values));
  } else {
    return values;
  }
}

/// Under one scale: a lane per element of a block. Lanes are added up by halves, the upper to the lower.
template <typename Value, bool has_zero_point>
class LaneSums {
 public:
  COMPRESS_ISA_INLINE void add(int64_t, int lane, const math::FakeQuantizeGradient<Vector<Value>>& gradient) {
    scale_[lane / lanes<Value>] += gradient.scale;
    if constexpr (has_zero_point) {
      zero_point_[lane / lanes<Value>] += gradient.zero_point;
    }
  }

  COMPRESS_ISA_INLINE void store(double* sums) const {
    sums[0] = static_cast<double>(add_stretches<lanes<Value>, Value>(in_one(scale_))[0]);
    sums[1] = has_zero_point ? static_cast<double>(add_stretches<lanes<Value>, Value>(in_one(zero_point_))[0]) : 0.0;
  }

  /// The pairs of four, one after the other, in fewer steps. (More at once would pass through memory, of whose stores a
  /// load this soon after has to wait.)
  static COMPRESS_ISA_INLINE void store(const LaneSums& a, const LaneSums& b, const LaneSums& c, const LaneSums& d,
                                        double* sums) {
    if constexpr (lanes<Value> < 4) {
      a.store(sums);
      b.store(sums + 2);
      c.store(sums + 4);
      d.store(sums + 6);
    } else {
      constexpr int next = lanes<Value>;  // of the zero_points' vector
      typedef double Pairs __attribute__((vector_size(8 * sizeof(double))));
      const Vector<Value> scale = of_four(in_one(a.scale_), in_one(b.scale_), in_one(c.scale_), in_one(d.scale_));
      Vector<Value> zero_point = {};
      if constexpr (has_zero_point) {
        zero_point =
            of_four(in_one(a.zero_point_), in_one(b.zero_point_), in_one(c.zero_point_), in_one(d.zero_point_));
      }
      const auto pairs = __builtin_shufflevector(scale, zero_point, 0, next, 1, next + 1, 2, next + 2, 3, next + 3);
      const Pairs as_double = __builtin_convertvector(pairs, Pairs);
      __builtin_memcpy(sums, &as_double, sizeof(as_double));
    }
  }

 private:
  static COMPRESS_ISA_INLINE Vector<Value> in_one(const Vector<Value>* vectors) {
    if constexpr (groups == 4) {
      return (vectors[0] + vectors[2]) + (vectors[1] + vectors[3]);
    } else if constexpr (groups == 2) {
      return vectors[0] + vectors[1];
    } else {
      return vectors[0];
    }
  }

  /// Lanes 0 to 3 are the sums of a to d.
  static COMPRESS_ISA_INLINE Vector<Value> of_four(Vector<Value> a, Vector<Value> b, Vector<Value> c, Vector<Value> d) {
    constexpr int all = lanes<Value>;
    return add_stretches<all / 4, Value>(
        add_halves<all / 2, Value>(add_halves<all, Value>(a, b), add_halves<all, Value>(c, d)));
  }

  Vector<Value> scale_[groups] = {};
  Vector<Value> zero_point_[groups] = {};
};

/// Under one scale per column.
template <typename Value, bool has_zero_point>
class ColumnSums {
 public:
  COMPRESS_ISA_INLINE void add(int64_t i, int lane, const math::FakeQuantizeGradient<Vector<Value>>& gradient) {
    COMPRESS_ISA::store(scale_ + i + lane, load(scale_ + i + lane) + gradient.scale);
    if constexpr (has_zero_point) {
      COMPRESS_ISA::store(zero_point_ + i + lane, load(zero_point_ + i + lane) + gradient.zero_point);
    }
  }

  COMPRESS_ISA_INLINE void store(double* sums, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      sums[2 * i] = static_cast<double>(scale_[i]);
      sums[2 * i + 1] = static_cast<double>(zero_point_[i]);
    }
  }

 private:
  Value scale_[ColumnGrids::capacity] = {};
  Value zero_point_[ColumnGrids::capacity] = {};
};

/// Where only dx is wanted.
struct NoSums {
  template <typename Gradient>
  COMPRESS_ISA_INLINE void add(int64_t, int, const Gradient&) {}
  COMPRESS_ISA_INLINE void store(double*, int64_t = 1) const {}
  static COMPRESS_ISA_INLINE void store(const NoSums&, const NoSums&, const NoSums&, const NoSums&, double*) {}
};

}  // namespace compress::cpu::COMPRESS_ISA
