#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cstring>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/math/packed_bits.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

void unpack_piece(const uint8_t* from, int64_t elements, bool* to) {
  for (; elements >= 8; elements -= 8, to += 8) {
    const uint64_t bytes = math::bytes_of_bits(*from++);
    std::memcpy(to, &bytes, 8);
  }
  if (elements > 0) {
    const uint64_t bytes = math::bytes_of_bits(*from);
    std::memcpy(to, &bytes, static_cast<size_t>(elements));
  }
}

at::Tensor unpack_mask(const at::Tensor& mask, at::IntArrayRef sizes) {
  checks::unpack_mask(mask, c10::fromIntArrayRefSlow(sizes));
  const at::Tensor input = mask.contiguous();
  at::Tensor unpacked = at::empty(sizes, mask.options().dtype(at::kBool));
  const uint8_t* from = input.const_data_ptr<uint8_t>();
  bool* to = unpacked.mutable_data_ptr<bool>();
  parallel_over_mask(make_mask_layout(sizes), [&](int64_t element, int64_t byte, int64_t elements) {
    unpack_piece(from + byte, elements, to + element);
  });
  return unpacked;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("unpack_mask", TORCH_FN(unpack_mask));
}

}  // namespace
}  // namespace compress::cpu
