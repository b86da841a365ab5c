#include "compress/ops/cuda/choose_float_scale.h"
#include "compress/ops/cuda/grid.h"

namespace compress::cuda {
namespace {

__global__ void __launch_bounds__(block_threads)
    choose_float_scale_kernel(const float* min, const float* max, int64_t count, const float* tensor_amax,
                              math::SmallFloat format, math::ScaleFormat scale_format, float* scale) {
  const float of_tensor = tensor_amax == nullptr ? 0.0f : *tensor_amax;
  for (int64_t i = grid_index(); i < count; i += grid_stride()) {
    scale[i] = math::choose_float_scale(min[i], max[i], of_tensor, format, scale_format);
  }
}

}  // namespace

void launch_choose_float_scale(const float* min, const float* max, int64_t count, const float* tensor_amax,
                               const math::SmallFloat& format, math::ScaleFormat scale_format, float* scale,
                               cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  launch_kernel(choose_float_scale_kernel, thread_blocks(count), stream, min, max, count, tensor_amax, format,
                scale_format, scale);
}

}  // namespace compress::cuda
