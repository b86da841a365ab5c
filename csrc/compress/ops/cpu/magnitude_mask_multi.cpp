#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/magnitude_mask.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/float_format.h"
#include "compress/ops/math/float_order.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

struct ComparedWeight {
  const char* weight;
  uint8_t* bits;
  int size;
  int64_t key;
};

std::vector<at::Tensor> magnitude_mask_multi(at::TensorList weights, const at::Tensor& threshold) {
  checks::magnitude_mask_multi(weights, threshold);
  std::vector<at::Tensor> masks = empty_packed_masks(weights);
  std::vector<at::Tensor> inputs;
  std::vector<ComparedWeight> tensors;
  std::vector<MaskLayout> layouts;
  const float limit = *threshold.const_data_ptr<float>();
  for (size_t i = 0; i < weights.size(); ++i) {
    inputs.push_back(weights[i].contiguous());
    tensors.push_back({static_cast<const char*>(inputs[i].const_data_ptr()), masks[i].mutable_data_ptr<uint8_t>(),
                       static_cast<int>(inputs[i].element_size()),
                       math::threshold_key(limit, float_format(inputs[i].scalar_type()))});
    layouts.push_back(make_mask_layout(weights[i].sizes()));
  }
  const auto kernel = COMPRESS_SELECT_KERNEL(magnitude_mask_run);
  parallel_over_masks(std::move(layouts), [&](size_t tensor, int64_t element, int64_t byte, int64_t elements) {
    const auto& [weight, bits, size, key] = tensors[tensor];
    kernel(weight + element * size, elements, size, key, bits + byte);
  });
  return masks;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("magnitude_mask_multi", TORCH_FN(magnitude_mask_multi));
}

}  // namespace
}  // namespace compress::cpu
