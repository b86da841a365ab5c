#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "compress/ops/math/packed_mask.h"
#include "compress/ops/math/quantizer.h"
#include "compress/ops/memory_order.h"

namespace compress {

/// What the kernels of fake_quantize take, on either device: scale and zero_point brought into x's memory order, and
/// kept alive here while `kernel` points into them. The arguments have passed checks::fake_quantize.
struct QuantizerTensors {
  QuantizerTensors(const MemoryOrder& order, at::IntArrayRef ordered_sizes, const at::Tensor& scale,
                   const std::optional<at::Tensor>& zero_point, int64_t quant_min, int64_t quant_max);

  at::Tensor scale;
  at::Tensor zero_point;
  math::Quantizer kernel;
};

/// The order to work in: the packed mask numbers elements in row-major order, so masked tensors are worked on in it.
inline MemoryOrder quantizer_order(const at::Tensor& empty_like_x, bool masked) {
  return masked ? MemoryOrder() : MemoryOrder(empty_like_x);
}

/// `mask` must be contiguous, or undefined: everything is kept.
math::PackedMask packed_mask(const at::Tensor& mask, at::IntArrayRef sizes);

}  // namespace compress
