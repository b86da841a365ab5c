#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace compress {

/// fake_quantize, and the packed mask of the elements that its gradient passes: inside the grid and kept by `mask`. One
/// pass. Where only x is learned this bit is all that the backward needs (dx = apply_mask(dy, clip_mask)), so that
/// neither x nor scale is saved: 8.125 bytes per float32 element backward, and scale may change in between.
///
/// Arguments as fake_quantize's. NaN is outside the grid.
/// Returns y and clip_mask. The mask is packed as pack_mask packs, but numbers the elements in the order in which they
/// lie in y: that of MemoryOrder(y), so that channels-last activations are not copied. With `mask`, and for row-major
/// y, that is row-major order. Not differentiable itself: fake_quantize's autograd calls it.
std::tuple<at::Tensor, at::Tensor> fake_quantize_clip_mask(const at::Tensor& x, const at::Tensor& scale,
                                                           const std::optional<at::Tensor>& zero_point,
                                                           int64_t quant_min, int64_t quant_max,
                                                           const std::optional<at::Tensor>& mask = std::nullopt);

/// Memory for the clip mask of the result y.
at::Tensor empty_clip_mask(const at::Tensor& y, bool masked);

}  // namespace compress
