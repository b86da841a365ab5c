#pragma once

#include <cstring>

#include "compress/core/macros.h"

namespace compress::math {

/// The value of type `To` with the same bits; C++20's std::bit_cast, for kernels.
template <typename To, typename From>
COMPRESS_HOST_DEVICE To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "same size");
#if defined(__CUDACC__)
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
#else
  return __builtin_bit_cast(To, from);
#endif
}

}  // namespace compress::math
