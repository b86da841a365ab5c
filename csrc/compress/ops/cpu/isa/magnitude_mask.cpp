#include "compress/ops/cpu/isa/magnitude_mask.h"

#include "compress/ops/math/float_order.h"
#include "compress/ops/math/packed_bits.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

constexpr int64_t block = 64;  // weights compared into bytes, which the multiplication then packs by eights

template <typename Int>
void compare(const Int* weight, int64_t elements, Int key, uint8_t* bits) {
  alignas(64) uint8_t kept[block];
  for (int64_t begin = 0; begin < elements; begin += block) {
    const int64_t count = elements - begin < block ? elements - begin : block;
    if (count == block) {
      for (int64_t i = 0; i < block; ++i) {
        kept[i] = math::magnitude_key(weight[begin + i]) > key;
      }
    } else {
      for (int64_t i = 0; i < block; ++i) {
        kept[i] = i < count ? math::magnitude_key(weight[begin + i]) > key : 0;
      }
    }
    for (int64_t i = 0; i < count; i += 8) {
      uint64_t eight;
      __builtin_memcpy(&eight, kept + i, sizeof(eight));
      bits[(begin + i) / 8] = math::bits_of_bytes(eight);
    }
  }
}

}  // namespace

void magnitude_mask_run(const void* weight, int64_t elements, int element_size, int64_t key, uint8_t* bits) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    compare(static_cast<const Int*>(weight), elements, static_cast<Int>(key), bits);
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
