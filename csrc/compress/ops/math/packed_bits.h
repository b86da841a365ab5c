#pragma once

#include <cstdint>

#include "compress/core/macros.h"

namespace compress::math {

/// Eight bytes 0 or 1 (byte 0 lowest) to eight bits. The multiplication moves bit 8i to bit 56 + i; its other products
/// fall on distinct bits, so nothing carries.
COMPRESS_HOST_DEVICE uint8_t bits_of_bytes(uint64_t bytes) {
  return static_cast<uint8_t>((bytes * 0x0102040810204080ull) >> 56);
}

/// The inverse: bit i to byte i. Byte i of the product holds all bits; bit i alone is left of it, and adding 0x7f
/// carries that into the byte's highest bit.
COMPRESS_HOST_DEVICE uint64_t bytes_of_bits(uint8_t bits) {
  const uint64_t one_per_byte = (bits * 0x0101010101010101ull) & 0x8040201008040201ull;
  return ((one_per_byte + 0x7f7f7f7f7f7f7f7full) >> 7) & 0x0101010101010101ull;
}

}  // namespace compress::math
