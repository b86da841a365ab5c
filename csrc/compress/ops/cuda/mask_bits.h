#pragma once

#include <cstdint>

#include "compress/core/mask_layout.h"
#include "compress/ops/math/divide.h"

namespace compress::cuda {

/// A packed mask for kernels that take a few neighbours at a time. Read in two steps, so that the byte's latency is
/// that of the elements: `load` where the elements are loaded, `kept` where they are used.
class MaskBits {
 public:
  MaskBits() = default;  // everything is kept
  explicit MaskBits(const PackedMask& mask)
      : bytes_(mask.bytes),
        row_(mask.layout.row),
        row_bytes_(mask.layout.row_bytes),
        row_of_(mask.layout.row > 0 ? mask.layout.row : 1),
        is_one_stream_(mask.layout.is_one_stream()) {}

#if defined(__CUDACC__)
  /// The bits of `count` (at most 16) neighbours from this element on; they begin at bit element % 8.
  template <int count>
  __device__ __forceinline__ unsigned load(int64_t element) const {
    if (bytes_ == nullptr) {
      return ~0u;
    }
    if (!is_one_stream_) {
      return load_from_rows<count>(element);
    }
    const uint8_t* at = bytes_ + (element >> 3);
    unsigned bits = at[0];
#pragma unroll
    for (int byte = 1; byte <= (count + 6) / 8; ++byte) {
      if (static_cast<int>(element & 7) + count > 8 * byte) {
        bits |= static_cast<unsigned>(at[byte]) << (8 * byte);
      }
    }
    return bits;
  }

  /// Bit i says whether the i-th of them is kept.
  static __device__ __forceinline__ unsigned kept(unsigned loaded, int64_t element) {
    return loaded >> (element & 7);
  }

 private:
  // Rows end within bytes.
  template <int count>
  __device__ __forceinline__ unsigned load_from_rows(int64_t element) const {
    int64_t row = row_of_(element);
    int64_t column = element - row * row_;
    unsigned bits = 0;
#pragma unroll 1
    for (int have = 0; have < count;) {
      const int within = static_cast<int>(column & 7);
      const int64_t left = row_ - column;
      int taken = 8 - within < count - have ? 8 - within : count - have;
      taken = left < taken ? static_cast<int>(left) : taken;
      const unsigned byte = bytes_[row * row_bytes_ + (column >> 3)];
      bits |= ((byte >> within) & ((1u << taken) - 1u)) << have;
      have += taken;
      column += taken;
      if (column == row_) {
        column = 0;
        ++row;
      }
    }
    return bits << (element & 7);
  }
#endif

 private:
  const uint8_t* bytes_ = nullptr;
  int64_t row_ = 1;
  int64_t row_bytes_ = 1;
  math::Divide row_of_;
  bool is_one_stream_ = true;
};

}  // namespace compress::cuda
