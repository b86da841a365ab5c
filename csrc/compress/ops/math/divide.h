#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::math {

/// Division of element numbers (0..numbers - 1) by one divisor (> 0), for kernels: a multiplication and a shift where
/// they are below 2^31 (Granlund and Montgomery 1994), many times cheaper than a GPU's 64-bit division.
class Divide {
 public:
  Divide(int64_t divisor, int64_t numbers) : divisor_(divisor), narrow_(numbers <= (int64_t{1} << 31)) {
    if (!narrow_ || divisor >= numbers) {
      return;
    }
    while ((int64_t{1} << shift_) < divisor) {
      ++shift_;
    }
    const uint64_t by = static_cast<uint64_t>(divisor);
    factor_ = static_cast<uint32_t>(((((uint64_t{1} << shift_) - by) << 32) / by) + 1);
    multiplies_ = true;
  }

  COMPRESS_HOST_DEVICE int64_t operator()(int64_t number) const {
    if (multiplies_) {
      const uint32_t small = static_cast<uint32_t>(number);
      return (static_cast<uint32_t>((static_cast<uint64_t>(small) * factor_) >> 32) + small) >> shift_;
    }
    return narrow_ ? 0 : number / divisor_;  // narrow: no number reaches the divisor
  }

 private:
  int64_t divisor_;
  uint32_t factor_ = 0;
  int shift_ = 0;
  bool narrow_;
  bool multiplies_ = false;
};

}  // namespace compress::math
