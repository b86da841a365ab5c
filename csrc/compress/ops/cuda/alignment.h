#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::cuda {

/// Where the 16-byte borders of some tensors lie.
class Alignment {
 public:
  Alignment() = default;
  /// Tensors of elements of so many bytes; null ones are ignored.
  template <typename... Others>
  Alignment(int element_size, const void* base, const Others*... others) : at_(at(element_size, base)) {
    const bool alike = (... && (others == nullptr || at(element_size, others) == at_));
    at_ = alike ? at_ : -1;
  }

  COMPRESS_HOST_DEVICE bool is_whole() const { return at_ == 0; }

  /// Elements from this one on until all tensors have a 16-byte border; `count`, if that comes first or never.
  template <int per_pack>
  COMPRESS_HOST_DEVICE int until_border(int64_t element, int count) const {
    const int until = static_cast<int>(-(element + at_)) & (per_pack - 1);
    return at_ < 0 || until > count ? count : until;
  }

 private:
  static int at(int element_size, const void* pointer) {
    return static_cast<int>(reinterpret_cast<uintptr_t>(pointer) % 16) / element_size;
  }

  int at_ = -1;  ///< elements since the last border, or -1: not alike
};

}  // namespace compress::cuda
