#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace compress {

/// The scale (float32) and zero_point (int32) of an observed range, of min's shape. The range is widened to hold zero.
/// Symmetric: scale = 2 * max(-min, max) / (quant_max - quant_min), zero_point 0. Asymmetric: scale = (max - min) /
/// (quant_max - quant_min), zero_point = clamp(quant_min - round(min / scale)); equal to torch.ao's MinMaxObserver.
/// scale is at least float32's epsilon; a range never observed (min +inf, max -inf) gives scale 1, zero_point 0.
/// NaN in the range gives scale NaN, so that divergence is seen, and zero_point 0. Not differentiable.
std::tuple<at::Tensor, at::Tensor> choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min,
                                                  int64_t quant_max, bool symmetric);

}  // namespace compress
