#include "compress/ops/cpu/isa/gradient_sums.h"

#include "compress/ops/math/fake_quantize.h"

namespace compress::cpu::COMPRESS_ISA {
namespace {

COMPRESS_HOST_DEVICE float scale_gradient(double sum, double scale, double factor) {
  return static_cast<float>(sum * math::scale_unit(scale) * factor);
}
COMPRESS_HOST_DEVICE float zero_point_gradient(double sum, double scale, double factor) {
  return static_cast<float>(sum * math::zero_point_unit(scale) * factor);
}

/// Scales of one piece each, as groups: in vectors. A sum begins at 0, so that -0 becomes +0 here too.
void take_sums(const float* scale, const GradientSums& of, int64_t begin, int64_t end) {
  const double* __restrict__ sums = of.sums;
  if (float* __restrict__ dscale = of.dscale) {
    for (int64_t i = begin; i < end; ++i) {
      dscale[i] = scale_gradient(0.0 + sums[2 * i], scale[i], of.grad_factor);
    }
  }
  if (float* __restrict__ dzero_point = of.dzero_point) {
    for (int64_t i = begin; i < end; ++i) {
      dzero_point[i] = zero_point_gradient(0.0 + sums[2 * i + 1], scale[i], of.grad_factor);
    }
  }
}

}  // namespace

void reduce_gradient_sums(const math::Quantizer& quantizer, const math::BlockPieces& pieces, const GradientSums& of,
                          int64_t begin, int64_t end) {
  const int64_t count = pieces.sums_per_scale();
  if (pieces.geometry.one_to_one && count == 1) {
    return take_sums(quantizer.scale, of, begin, end);
  }
  for (int64_t scale = begin; scale < end; ++scale) {
    double of_scale = 0;
    double of_zero_point = 0;
    for (int64_t n = 0; n < count; ++n) {
      const int64_t index = pieces.sum_index(scale, n);
      of_scale += of.sums[2 * index];
      of_zero_point += of.sums[2 * index + 1];
    }
    if (of.dscale != nullptr) {
      of.dscale[scale] = scale_gradient(of_scale, quantizer.scale[scale], of.grad_factor);
    }
    if (of.dzero_point != nullptr) {
      of.dzero_point[scale] = zero_point_gradient(of_zero_point, quantizer.scale[scale], of.grad_factor);
    }
  }
}

}  // namespace compress::cpu::COMPRESS_ISA
