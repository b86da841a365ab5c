#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::math {

/// Division of numbers 0..2^63 - 1 by one divisor (> 0), for kernels: a multiplication, an addition and a shift
/// (Granlund and Montgomery 1994), about a tenth of a GPU's 64-bit division.
class Divide {
 public:
  explicit Divide(int64_t divisor = 1) {
    while ((uint64_t{1} << shift_) < static_cast<uint64_t>(divisor)) {
      ++shift_;
    }
    using Wide = unsigned __int128;
    const auto by = static_cast<uint64_t>(divisor);
    factor_ = static_cast<uint64_t>((static_cast<Wide>((uint64_t{1} << shift_) - by) << 64) / by + 1);
  }

  COMPRESS_HOST_DEVICE int64_t operator()(int64_t number) const {
    const auto n = static_cast<uint64_t>(number);
    return static_cast<int64_t>((high_product(n, factor_) + n) >> shift_);
  }

 private:
  static COMPRESS_HOST_DEVICE uint64_t high_product(uint64_t a, uint64_t b) {
#if defined(__CUDA_ARCH__)
    return __umul64hi(a, b);
#else
    return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
#endif
  }

  uint64_t factor_ = 1;
  int shift_ = 0;
};

}  // namespace compress::math
