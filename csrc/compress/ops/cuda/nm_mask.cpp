#include "compress/ops/cuda/nm_mask.h"

#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/float_format.h"
#include "compress/ops/nm_mask.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

at::Tensor nm_mask(const at::Tensor& score, int64_t n, int64_t m) {
  checks::nm_mask(score, n, m);
  const c10::cuda::CUDAGuard device(score.device());
  const at::Tensor input = score.contiguous();
  at::Tensor mask = empty_packed_mask(score);
  launch_nm_mask(input.const_data_ptr(), float_format(score.scalar_type()), nm_groups(score.sizes(), n, m),
                 make_mask_layout(score.sizes()), mask.mutable_data_ptr<uint8_t>(), c10::cuda::getCurrentCUDAStream());
  check_launch();
  return mask;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("nm_mask", TORCH_FN(nm_mask));
}

}  // namespace
}  // namespace compress::cuda
