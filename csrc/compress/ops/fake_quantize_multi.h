#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>
#include <vector>

namespace compress {

/// fake_quantize of many tensors on one grid quant_min..quant_max in one call, such as a whole model's weights. Each
/// result, and each gradient, is that of the single operator, bit for bit. On the CPU one parallel region, small
/// tensors sharing a thread; on CUDA tensors whose scales follow their memory (per tensor, per output channel, per
/// group) share launches of up to 38, others have one of their own.
///
/// xs            float32, float64, float16 or bfloat16 (they may differ), any shapes and strides, on one device
/// scales        one per x; its shape is the granularity
/// zero_points   one per x, or an empty list: none; all float32 where they are learned
/// masks         one per x, each packed or none, or an empty list: none
/// grad_factors  one per x (LSQ's g), or an empty list: 1
///
/// Differentiable once in xs, scales and float32 zero_points; nothing but the inputs is saved, so that a scale must not
/// change between forward and backward (the single operator allows it where no scale is learned).
std::vector<at::Tensor> fake_quantize_multi(
    at::TensorList xs, at::TensorList scales, at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
    const c10::List<std::optional<at::Tensor>>& masks = c10::List<std::optional<at::Tensor>>(),
    at::ArrayRef<double> grad_factors = {});

/// The gradients of fake_quantize_multi: dxs, dscales, dzero_points, each a list of one per x, or an empty list where
/// output_mask leaves it out.
std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>, std::vector<at::Tensor>> fake_quantize_multi_backward(
    at::TensorList grads, at::TensorList xs, at::TensorList scales, at::TensorList zero_points, int64_t quant_min,
    int64_t quant_max, const c10::List<std::optional<at::Tensor>>& masks, at::ArrayRef<double> grad_factors,
    std::array<bool, 3> output_mask);

}  // namespace compress
