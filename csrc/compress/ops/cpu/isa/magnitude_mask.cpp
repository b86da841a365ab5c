#include "compress/ops/cpu/isa/magnitude_mask.h"

#include "compress/ops/cpu/isa/pack_bytes.h"
#include "compress/ops/math/float_order.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

constexpr int64_t block = 64;  // weights compared into bytes, which are then packed

template <typename Int>
void compare(const Int* weight, int64_t elements, Int key, uint8_t* bits) {
  alignas(64) uint8_t kept[block];
  int64_t begin = 0;
  for (; begin + block <= elements; begin += block) {
    for (int64_t i = 0; i < block; ++i) {
      kept[i] = math::magnitude_key(weight[begin + i]) > key;
    }
    pack_bytes(kept, block, bits + begin / 8);
  }
  for (int64_t i = begin; i < elements; ++i) {
    kept[i - begin] = math::magnitude_key(weight[i]) > key;
  }
  pack_bytes(kept, elements - begin, bits + begin / 8);
}

}  // namespace

void magnitude_mask_run(const void* weight, int64_t elements, int element_size, int64_t key, uint8_t* bits) {
  math::with_integer_of(element_size, [&](auto zero) {
    using Int = decltype(zero);
    compare(static_cast<const Int*>(weight), elements, static_cast<Int>(key), bits);
  });
}

}  // namespace compress::cpu::COMPRESS_ISA
