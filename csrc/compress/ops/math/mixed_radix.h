#pragma once

#include <cstdint>

#include "compress/core/block_geometry.h"
#include "compress/ops/math/divide.h"

namespace compress::math {

/// Takes a number apart into digits of several radices and adds up digit * stride: where the element, run or scale with
/// this number lies.
class MixedRadix {
 public:
  /// The next digit, innermost first. One that continues the former is merged with it.
  void add(int64_t radix, int64_t stride) {
    if (radix == 1) {
      return;
    }
    if (count_ > 0 && stride == digits_[count_ - 1].radix * digits_[count_ - 1].stride) {
      digits_[count_ - 1].radix *= radix;
    } else {
      digits_[count_].radix = radix;
      digits_[count_].stride = stride;
      ++count_;
    }
    digits_[count_ - 1].quotient = Divide(digits_[count_ - 1].radix);
  }

  COMPRESS_HOST_DEVICE int64_t operator()(int64_t number) const {
    int64_t offset = 0;
    int i = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
    for (; i + 1 < count_; ++i) {
      const int64_t outer = digits_[i].quotient(number);
      offset += (number - outer * digits_[i].radix) * digits_[i].stride;
      number = outer;
    }
    return offset + number * digits_[i].stride;
  }

 private:
  struct Digit {
    Divide quotient;
    int64_t radix = 1;
    int64_t stride = 0;
  };

  Digit digits_[2 * BlockGeometry::max_dims];
  int count_ = 0;
};

/// BlockGeometry::first_scale.
inline MixedRadix scale_of_run(const BlockGeometry& geometry) {
  MixedRadix scale;
  if (geometry.one_to_one) {
    scale.add(geometry.segments, 1);
    return scale;
  }
  for (int d = geometry.dims - 1; d >= 0; --d) {
    scale.add(geometry.block[d], 0);
    scale.add(geometry.size[d] / geometry.block[d], geometry.scale_stride[d]);
  }
  return scale;
}

/// BlockGeometry::segment_of(first, n) is first_run(first / columns) + run_of_group(n), columns = what scale_step 1 has
/// in a run, else 1.
inline MixedRadix run_of_group(const BlockGeometry& geometry) {
  MixedRadix run;
  int64_t inner = 1;
  for (int d = geometry.dims - 1; d >= 0; --d) {
    run.add(geometry.block[d], inner);
    inner *= geometry.size[d];
  }
  return run;
}

inline MixedRadix first_run(const BlockGeometry& geometry) {
  MixedRadix run;
  int64_t inner = 1;
  for (int d = geometry.dims - 1; d >= 0; --d) {
    run.add(geometry.size[d] / geometry.block[d], geometry.block[d] * inner);
    inner *= geometry.size[d];
  }
  return run;
}

}  // namespace compress::math
