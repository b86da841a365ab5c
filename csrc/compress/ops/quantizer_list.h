#pragma once

#include <array>
#include <tuple>
#include <vector>

#include "compress/ops/math/quantizer.h"
#include "compress/ops/tensor_list.h"

namespace compress {

/// What one tensor of fake_quantize_multi's backward reads and writes, contiguous; what is null is not wanted.
struct QuantizerGradientCall : math::FakeQuantizeOperands {
  const void* grad = nullptr;
  void* dx = nullptr;
  float* dscale = nullptr;
  float* dzero_point = nullptr;
  double grad_factor = 1.0;

  bool wants_sums() const { return dscale != nullptr || dzero_point != nullptr; }
};

/// A device's kernels for many non-empty tensors.
using QuantizeAll = void (*)(const std::vector<math::FakeQuantizeCall>& calls);
using DifferentiateAll = void (*)(const std::vector<QuantizerGradientCall>& calls);

/// fake_quantize_multi and its backward for any strides, through the device's kernels.
std::vector<at::Tensor> fake_quantize_multi_with(QuantizeAll quantize, at::TensorList xs, at::TensorList scales,
                                                 at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                                 const OptionalTensors& masks, at::ArrayRef<double> grad_factors);
std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>, std::vector<at::Tensor>> fake_quantize_multi_backward_with(
    DifferentiateAll differentiate, at::TensorList grads, at::TensorList xs, at::TensorList scales,
    at::TensorList zero_points, int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
    at::ArrayRef<double> grad_factors, std::array<bool, 3> output_mask);

}  // namespace compress
