#include "compress/ops/cuda/choose_qparams.h"
#include "compress/ops/cuda/grid.h"
#include "compress/ops/math/choose_qparams.h"

namespace compress::cuda {
namespace {

__global__ void __launch_bounds__(block_threads)
    choose_qparams_kernel(const float* min, const float* max, int64_t count, int64_t quant_min, int64_t quant_max,
                          bool symmetric, float* scale, int32_t* zero_point) {
  for (int64_t i = grid_index(); i < count; i += grid_stride()) {
    const math::QuantParams chosen = math::choose_qparams(min[i], max[i], quant_min, quant_max, symmetric);
    scale[i] = chosen.scale;
    zero_point[i] = chosen.zero_point;
  }
}

}  // namespace

void launch_choose_qparams(const float* min, const float* max, int64_t count, int64_t quant_min, int64_t quant_max,
                           bool symmetric, float* scale, int32_t* zero_point, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  launch_kernel(choose_qparams_kernel, thread_blocks(count), stream, min, max, count, quant_min, quant_max, symmetric,
                scale, zero_point);
}

}  // namespace compress::cuda
