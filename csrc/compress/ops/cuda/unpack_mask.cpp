#include "compress/ops/cuda/unpack_mask.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

at::Tensor unpack_mask(const at::Tensor& mask, at::IntArrayRef sizes) {
  checks::unpack_mask(mask, c10::fromIntArrayRefSlow(sizes));
  const c10::cuda::CUDAGuard device(mask.device());
  const at::Tensor input = mask.contiguous();
  at::Tensor unpacked = at::empty(sizes, mask.options().dtype(at::kBool));
  launch_unpack_mask(input.const_data_ptr<uint8_t>(), make_mask_layout(sizes), unpacked.mutable_data_ptr<bool>(),
                     c10::cuda::getCurrentCUDAStream());
  check_launch();
  return unpacked;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("unpack_mask", TORCH_FN(unpack_mask));
}

}  // namespace
}  // namespace compress::cuda
