#pragma once

#include <cstdint>

#include "compress/ops/math/divide.h"

namespace compress::cuda {

/// Which run `count` neighbours lie in, for tensors of runs that are no shorter.
class RunOfPack {
 public:
  RunOfPack() = default;
  RunOfPack(int64_t runs, int64_t length, int count)
      : length_(length),
        is_whole_(runs == 1 || length % count == 0),
        by_length_(!is_whole_ ? length : (runs == 1 ? length : length / count)) {}

  struct At {
    int64_t run;
    int left;  ///< so many of them lie in it, the others in the next
  };

  template <int count>
  COMPRESS_HOST_DEVICE At at(int64_t pack) const {
    if (is_whole_) {
      return {by_length_(pack), count};
    }
    const int64_t element = pack * count;
    const int64_t run = by_length_(element);
    const int64_t left = (run + 1) * length_ - element;
    return {run, left < count ? static_cast<int>(left) : count};
  }

 private:
  int64_t length_ = 0;
  bool is_whole_ = true;
  math::Divide by_length_;
};

}  // namespace compress::cuda
