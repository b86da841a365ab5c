#include "compress/ops/cuda/magnitude_mask.h"

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/float_format.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

at::Tensor magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold) {
  checks::magnitude_mask(weight, threshold);
  const c10::cuda::CUDAGuard device(weight.device());
  const at::Tensor input = weight.contiguous();
  at::Tensor mask = empty_packed_mask(weight);
  launch_magnitude_mask(input.const_data_ptr(), float_format(weight.scalar_type()), threshold.const_data_ptr<float>(),
                        make_mask_layout(weight.sizes()), mask.mutable_data_ptr<uint8_t>(),
                        c10::cuda::getCurrentCUDAStream());
  check_launch();
  return mask;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("magnitude_mask", TORCH_FN(magnitude_mask));
}

}  // namespace
}  // namespace compress::cuda
