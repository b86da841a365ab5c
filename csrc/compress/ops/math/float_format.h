#pragma once

#include <cstdint>

namespace compress::math {

/// The element types that operators take, named without torch's headers.
enum class FloatFormat { float16, bfloat16, float32, float64 };

/// Bytes of an element.
inline int bytes_of(FloatFormat format) {
  return format == FloatFormat::float64 ? 8 : (format == FloatFormat::float32 ? 4 : 2);
}

/// Calls body with a zero of the signed integer as wide as elements of `bytes`: 2, 4 or 8.
template <typename Body>
inline __attribute__((always_inline)) auto with_integer_of(int64_t bytes, const Body& body) {
  switch (bytes) {
    case 2:
      return body(int16_t{});
    case 4:
      return body(int32_t{});
    default:
      return body(int64_t{});
  }
}

}  // namespace compress::math
