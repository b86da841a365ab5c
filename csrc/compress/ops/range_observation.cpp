#include "compress/ops/range_observation.h"

#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/TensorOperators.h>
#include <c10/core/DeviceGuard.h>

#include "compress/ops/checks.h"
#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"
#include "compress/ops/percentile.h"
#include "compress/ops/quantizer.h"
#include "compress/ops/tensor_list.h"

namespace compress {

namespace {

/// Whether every scale has one factor: then the range is multiplied, not x.
bool is_one_factor_a_scale(const at::Tensor& fold_factor, at::IntArrayRef scale_sizes) {
  return fold_factor.dim() == static_cast<int64_t>(scale_sizes.size()) &&
         at::is_expandable_to(fold_factor.sizes(), scale_sizes);
}

/// The product in float32, in double for a double x.
at::Tensor folded(const at::Tensor& x, const at::Tensor& fold_factor) {
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  return wide * fold_factor.to(at::kFloat);
}

}  // namespace

ObserverTensors::ObserverTensors(const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                                 const OptionalTensor& zero_point, const at::Tensor& given, double percentile,
                                 const OptionalTensor& fold_factor) {
  const bool scales_range = fold_factor && percentile == 100.0 && is_one_factor_a_scale(*fold_factor, min.sizes());
  const at::Tensor x = fold_factor && !scales_range ? folded(given, *fold_factor) : given;
  if (percentile < 100.0) {
    x_ = percentile_ranges(x, min.sizes(), percentile);
    kernel_.geometry = block_geometry(x_.sizes(), {min.numel(), 1});
  } else {
    order_ = MemoryOrder(x);  // channels-last activations are read as they lie
    x_ = order_.contiguous(x);
    kernel_.geometry = block_geometry(x_.sizes(), order_.permute(min).sizes());
  }
  kernel_.x = x_.const_data_ptr();
  kernel_.format = float_format(x_.scalar_type());
  kernel_.state.min = writable(min).mutable_data_ptr<float>();
  kernel_.state.max = writable(max).mutable_data_ptr<float>();
  if (scales_range) {
    fold_factor_ = order_.contiguous(fold_factor->to(at::kFloat).expand(min.sizes()));
    kernel_.state.fold_factor = fold_factor_.const_data_ptr<float>();
  }
  if (scale.defined()) {
    kernel_.state.scale = writable(scale).mutable_data_ptr<float>();
  }
  if (zero_point) {
    kernel_.state.zero_point = {zero_point_type(*zero_point), writable(*zero_point).mutable_data_ptr()};
  }
}

at::Tensor ObserverTensors::writable(const at::Tensor& output) {
  return outputs_.emplace_back(std::array{output, order_.contiguous(output)})[1];
}

void ObserverTensors::deliver() const {
  for (const auto& [output, written] : outputs_) {
    order_.deliver(written, output);
  }
}

void check_outputs_apart(at::TensorList outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    at::assert_no_internal_overlap(outputs[i]);
    for (size_t j = 0; j < i; ++j) {
      at::assert_no_overlap(outputs[j], outputs[i]);
    }
  }
}

namespace {

std::vector<at::Tensor> outputs_of(const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                                   const OptionalTensor& zero_point) {
  std::vector<at::Tensor> outputs{min, max, scale};
  if (zero_point) {
    outputs.push_back(*zero_point);
  }
  return outputs;
}

}  // namespace

void observe_min_max_with(ObserveRanges observe, const at::Tensor& min, const at::Tensor& max, const at::Tensor& x,
                          double averaging) {
  checks::observe_range("observe_min_max_", min, max, x, averaging);
  check_outputs_apart({min, max});
  if (x.numel() == 0) {
    return;
  }
  const c10::DeviceGuard device(x.device());
  const ObserverTensors tensors(min, max, at::Tensor(), std::nullopt, x);
  observe({tensors.kernel()}, {static_cast<float>(averaging), false}, {});
  tensors.deliver();
}

void observe_qparams_with(ObserveRanges observe, const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                          const OptionalTensor& zero_point, const at::Tensor& x, const math::GridRule& grid,
                          double averaging, bool forget, double percentile, const OptionalTensor& fold_factor) {
  checks::observe_qparams_(min, max, scale, zero_point, x, grid.quant_min, grid.quant_max, grid.symmetric, averaging,
                           percentile, fold_factor);
  check_outputs_apart(outputs_of(min, max, scale, zero_point));
  if (x.numel() == 0) {
    return;
  }
  const c10::DeviceGuard device(x.device());
  const ObserverTensors tensors(min, max, scale, zero_point, x, percentile, fold_factor);
  observe({tensors.kernel()}, {static_cast<float>(averaging), forget}, grid);
  tensors.deliver();
}

void observe_multi_with(ObserveRanges observe, at::TensorList mins, at::TensorList maxs, at::TensorList scales,
                        at::TensorList zero_points, at::TensorList xs, const math::GridRule& grid, double averaging,
                        bool forget) {
  checks::observe_multi_(mins, maxs, scales, zero_points, xs, grid.quant_min, grid.quant_max, grid.symmetric,
                         averaging);
  const c10::DeviceGuard device(xs[0].device());
  std::vector<ObserverTensors> tensors;
  std::vector<RangeObservation> observations;
  for (size_t i = 0; i < xs.size(); ++i) {
    check_outputs_apart(outputs_of(mins[i], maxs[i], scales[i], entry_of(zero_points, i)));
    if (xs[i].numel() > 0) {
      tensors.emplace_back(mins[i], maxs[i], scales[i], entry_of(zero_points, i), xs[i]);
      observations.push_back(tensors.back().kernel());
    }
  }
  if (observations.empty()) {
    return;
  }
  observe(observations, {static_cast<float>(averaging), forget}, grid);
  for (const ObserverTensors& delivered : tensors) {
    delivered.deliver();
  }
}

}  // namespace compress
