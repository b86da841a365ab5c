#include "compress/ops/cuda/pack_mask.h"

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

at::Tensor pack_mask(const at::Tensor& mask) {
  checks::pack_mask(mask);
  const c10::cuda::CUDAGuard device(mask.device());
  const at::Tensor input = mask.contiguous();
  at::Tensor packed = empty_packed_mask(mask);
  launch_pack_mask(input.const_data_ptr<bool>(), make_mask_layout(mask.sizes()), packed.mutable_data_ptr<uint8_t>(),
                   c10::cuda::getCurrentCUDAStream());
  check_launch();
  return packed;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("pack_mask", TORCH_FN(pack_mask));
}

}  // namespace
}  // namespace compress::cuda
