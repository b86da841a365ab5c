#pragma once

#include <cstdint>

#include "compress/ops/cuda/team.h"
#include "compress/ops/math/divide.h"

namespace compress::cuda {

/// Runs of one scale each, cut into pieces for teams of threads, by their shape alone: sums over pieces, taken in
/// order, are the same on every GPU.
class RunPieces {
 public:
  static constexpr int max_length = 4096;

  RunPieces() = default;
  RunPieces(int64_t runs, int64_t length)
      : runs_(runs),
        length_(length),
        parts_((length + max_length - 1) / max_length),
        count_(runs * parts_),
        run_of_(parts_ > 0 ? parts_ : 1) {}

  COMPRESS_HOST_DEVICE int64_t count() const { return count_; }
  COMPRESS_HOST_DEVICE int64_t runs() const { return runs_; }
  COMPRESS_HOST_DEVICE int64_t parts() const { return parts_; }

  struct Piece {
    int64_t run;
    int64_t first;  ///< element
    int length;
  };

  COMPRESS_HOST_DEVICE Piece piece(int64_t number) const {
    const int64_t run = parts_ == 1 ? number : run_of_(number);
    const int64_t offset = (number - run * parts_) * max_length;
    const int64_t left = length_ - offset;
    return {run, run * length_ + offset, left < max_length ? static_cast<int>(left) : max_length};
  }

  /// Threads for a piece in accesses of `count` elements, see TeamSize.
  TeamSize team(int count, int at_once) const {
    return TeamSize::of(((length_ < max_length ? length_ : max_length) + count - 1) / count, at_once);
  }

 private:
  int64_t runs_ = 0;
  int64_t length_ = 0;
  int64_t parts_ = 0;  ///< of a run
  int64_t count_ = 0;
  math::Divide run_of_;
};

}  // namespace compress::cuda
