#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <tuple>

#include "compress/ops/math/quantizer.h"
#include "compress/ops/memory_order.h"
#include "compress/ops/optional_tensor.h"

namespace compress {

/// The type of a zero_point that has passed checks::zero_point; none where undefined.
math::ZeroPoints::Type zero_point_type(const at::Tensor& zero_point);

/// What the kernels of fake_quantize read, on either device: the arguments, which have passed checks::fake_quantize,
/// brought to contiguous memory in one order and kept alive here while `kernel` points into them. The packed mask
/// numbers elements in row-major order, so masked tensors are worked on in it, others in that of at::empty_like(x).
struct QuantizerTensors {
  QuantizerTensors(const at::Tensor& empty_like_x, const at::Tensor& x, const at::Tensor& scale,
                   const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max, const OptionalTensor& mask);

  MemoryOrder order;
  at::Tensor x;
  at::Tensor scale;
  at::Tensor zero_point;
  at::Tensor mask;
  math::FakeQuantizeOperands kernel;
};

/// The gradients dx, dscale and dzero_point, those that output_mask leaves out undefined.
class QuantizerGradients {
 public:
  QuantizerGradients(const at::Tensor& empty_like_x, const at::Tensor& scale, std::array<bool, 3> output_mask);

  bool wants_x() const { return outputs_[0].defined(); }
  bool wants_sums() const { return outputs_[1].defined() || outputs_[2].defined(); }
  void zero_sums() const;

  /// What kernels write each gradient through, contiguous in `order`; then ended by deliver.
  std::array<at::Tensor, 3> writable(const MemoryOrder& order) const;
  void deliver(const MemoryOrder& order, const std::array<at::Tensor, 3>& written) const;

  std::tuple<at::Tensor, at::Tensor, at::Tensor> tuple() const { return {outputs_[0], outputs_[1], outputs_[2]}; }

 private:
  std::array<at::Tensor, 3> outputs_;
};

}  // namespace compress
