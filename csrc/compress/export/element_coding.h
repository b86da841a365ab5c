#pragma once

#include <cstdint>
#include <vector>

#include "compress/export/byte_stream.h"

namespace compress {

/// How a packed stream holds the elements of a weight (docs/packed_format.md, "Elements").
enum class Coding : uint8_t {
  dense = 0,   ///< every element
  bitmap = 1,  ///< one bit an element, then the kept ones
  gaps = 2,    ///< how many elements are left out before each kept one, then the kept ones
};

/// "dense", "bitmap", "gaps".
const char* coding_name(Coding coding);

/// The elements of a weight in row-major order, as unsigned codes of `width` bits (2 to 8, or 32).
struct Elements {
  int width = 8;
  std::vector<uint32_t> codes;  ///< 0 where not kept
  std::vector<uint8_t> kept;    ///< of codes' size; 0 where the element is the zero of its grid, else 1
};

/// Appends the elements in the coding that takes the fewest bytes.
Coding write_elements(ByteWriter& writer, const Elements& elements);

/// Reads `count` elements back. Memory is taken only for what the remaining bytes can hold (at most 255 elements a
/// byte). The dense coding gives every element as kept.
Elements read_elements(ByteReader& reader, int64_t count, int width, Coding* coding = nullptr);

}  // namespace compress
