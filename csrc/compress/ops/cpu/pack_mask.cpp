#include <torch/library.h>

#include <cstring>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/math/packed_bits.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

void pack_piece(const bool* from, int64_t elements, uint8_t* to) {
  uint64_t bytes = 0;
  for (; elements >= 8; elements -= 8, from += 8) {
    std::memcpy(&bytes, from, 8);
    *to++ = math::bits_of_bytes(bytes);
  }
  if (elements > 0) {
    bytes = 0;
    std::memcpy(&bytes, from, static_cast<size_t>(elements));
    *to = math::bits_of_bytes(bytes);
  }
}

at::Tensor pack_mask(const at::Tensor& mask) {
  checks::pack_mask(mask);
  const at::Tensor input = mask.contiguous();
  at::Tensor packed = empty_packed_mask(mask);
  const bool* from = input.const_data_ptr<bool>();
  uint8_t* to = packed.mutable_data_ptr<uint8_t>();
  parallel_over_mask(make_mask_layout(mask.sizes()), [&](int64_t element, int64_t byte, int64_t elements) {
    pack_piece(from + element, elements, to + byte);
  });
  return packed;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("pack_mask", TORCH_FN(pack_mask));
}

}  // namespace
}  // namespace compress::cpu
