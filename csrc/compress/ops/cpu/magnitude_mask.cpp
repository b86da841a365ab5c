#include "compress/ops/cpu/isa/magnitude_mask.h"

#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/float_format.h"
#include "compress/ops/math/float_order.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

at::Tensor magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold) {
  checks::magnitude_mask(weight, threshold);
  const at::Tensor input = weight.contiguous();
  at::Tensor mask = empty_packed_mask(weight);
  const int64_t key = math::threshold_key(*threshold.const_data_ptr<float>(), float_format(weight.scalar_type()));
  const int64_t size = weight.element_size();
  const char* from = static_cast<const char*>(input.const_data_ptr());
  uint8_t* bits = mask.mutable_data_ptr<uint8_t>();
  const auto kernel = COMPRESS_SELECT_KERNEL(magnitude_mask_run);
  parallel_over_mask(make_mask_layout(weight.sizes()), [&](int64_t element, int64_t byte, int64_t elements) {
    kernel(from + element * size, elements, static_cast<int>(size), key, bits + byte);
  });
  return mask;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("magnitude_mask", TORCH_FN(magnitude_mask));
}

}  // namespace
}  // namespace compress::cpu
