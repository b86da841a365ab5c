#include "compress/ops/cpu/gradient_sums.h"

#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu {

void reduce_gradient_sums(const math::Quantizer& quantizer, const math::BlockPieces& pieces, const GradientSums& of,
                          int64_t begin, int64_t end) {
  const int64_t count = pieces.sums_per_scale();
  for (int64_t scale = begin; scale < end; ++scale) {
    double of_scale = 0;
    double of_zero_point = 0;
    for (int64_t n = 0; n < count; ++n) {
      const int64_t index = pieces.sum_index(scale, n);
      of_scale += of.sums[2 * index];
      of_zero_point += of.sums[2 * index + 1];
    }
    const double step = quantizer.scale[scale];
    if (of.dscale != nullptr) {
      of.dscale[scale] = static_cast<float>(of_scale * math::scale_unit(step) * of.grad_factor);
    }
    if (of.dzero_point != nullptr) {
      of.dzero_point[scale] = static_cast<float>(of_zero_point * math::zero_point_unit(step) * of.grad_factor);
    }
  }
}

}  // namespace compress::cpu
