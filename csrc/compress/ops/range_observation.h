#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "compress/core/block_geometry.h"
#include "compress/ops/math/range_update.h"
#include "compress/ops/memory_order.h"
#include "compress/ops/optional_tensor.h"

namespace compress {

/// One contiguous, non-empty tensor and the observer state that takes its range.
struct RangeObservation {
  const void* x;
  math::FloatFormat format;
  BlockGeometry geometry;
  math::ObserverState state;
};

/// A device's kernel: takes the ranges of all tensors into their states, under one rule. The tensors are on the current
/// device.
using ObserveRanges = void (*)(const std::vector<RangeObservation>& observations, const math::RangeRule& rule,
                               const math::GridRule& grid);

/// An observer's arguments, which have passed the checks, brought to contiguous memory in one order and kept alive here
/// while `kernel` points into them; `deliver` ends their use.
class ObserverTensors {
 public:
  /// `scale` may be undefined: then only the range is learned. With a percentile below 100 the observer sees that
  /// percentile's ends of each block as if they were the block.
  ObserverTensors(const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                  const OptionalTensor& zero_point, const at::Tensor& x, double percentile = 100.0,
                  const OptionalTensor& fold_factor = std::nullopt);

  const RangeObservation& kernel() const { return kernel_; }
  void deliver() const;

 private:
  MemoryOrder order_;
  at::Tensor x_;
  at::Tensor fold_factor_;
  std::vector<std::array<at::Tensor, 2>> outputs_;  // as given; contiguous
  RangeObservation kernel_;

  at::Tensor writable(const at::Tensor& output);
};

/// Raises where two outputs share memory, or one has an element twice.
void check_outputs_apart(at::TensorList outputs);

/// observe_min_max_ for any strides, through the device's kernel.
void observe_min_max_with(ObserveRanges observe, const at::Tensor& min, const at::Tensor& max, const at::Tensor& x,
                          double averaging);

/// observe_qparams_ for any strides, through the device's kernel.
void observe_qparams_with(ObserveRanges observe, const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                          const OptionalTensor& zero_point, const at::Tensor& x, const math::GridRule& grid,
                          double averaging, bool forget, double percentile, const OptionalTensor& fold_factor);

/// observe_multi_ for any strides, through the device's kernel.
void observe_multi_with(ObserveRanges observe, at::TensorList mins, at::TensorList maxs, at::TensorList scales,
                        at::TensorList zero_points, at::TensorList xs, const math::GridRule& grid, double averaging,
                        bool forget);

}  // namespace compress
