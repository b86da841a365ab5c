#include "compress/quant/quantizer_state.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "compress/core/error.h"
#include "compress/ops/fake_quantize.h"
#include "compress/ops/fake_quantize_folded.h"
#include "compress/ops/fake_quantize_learnable.h"
#include "compress/ops/initialize_learned.h"
#include "compress/ops/observe_qparams.h"
#include "compress/ops/optional_tensor.h"

namespace compress::quant {
namespace {

constexpr float smallest_scale = std::numeric_limits<float>::epsilon();

std::vector<int64_t> channel_sizes(Role role, at::IntArrayRef sizes) {
  const auto dims = static_cast<int64_t>(sizes.size());
  check<UsageError>(dims > 0, "granularity channel needs a tensor with dimensions (got a scalar)");
  const int64_t dim = role == Role::weight ? 0 : std::min<int64_t>(1, dims - 1);
  std::vector<int64_t> result(dims, 1);
  result[dim] = sizes[dim];
  return result;
}

std::vector<int64_t> group_sizes(const QuantizerOptions& options, Role role, at::IntArrayRef sizes) {
  check<UsageError>(role == Role::weight, "granularity group is for weights; use tensor or channel for activations");
  check<UsageError>(sizes.size() >= 2, "granularity group needs a weight of two dimensions or more (got ", sizes.size(),
                    ")");
  check<UsageError>(options.group_size > 0 && sizes[1] % options.group_size == 0, "group_size ", options.group_size,
                    " does not divide the ", sizes[1], " inputs of the weight");
  std::vector<int64_t> result(sizes.size(), 1);
  result[0] = sizes[0];
  result[1] = sizes[1] / options.group_size;
  return result;
}

// A scale of a block's shape, repeated so that it meets x element by element.
at::Tensor per_element(const at::Tensor& scale, at::IntArrayRef sizes) {
  at::Tensor result = scale.detach();
  for (int64_t d = 0; d < result.dim(); ++d) {
    result = result.repeat_interleave(sizes[d] / result.size(d), d);
  }
  return result;
}

}  // namespace

std::vector<int64_t> scale_sizes(const QuantizerOptions& options, Role role, at::IntArrayRef sizes) {
  switch (options.granularity) {
    case Granularity::tensor:
      return {};
    case Granularity::channel:
      return channel_sizes(role, sizes);
    case Granularity::group:
      return group_sizes(options, role, sizes);
  }
  return {};
}

QuantizerState make_state(const QuantizerOptions& options, at::IntArrayRef scale_sizes, const at::Device& device) {
  const auto real = at::TensorOptions().dtype(at::kFloat).device(device);
  const float infinity = std::numeric_limits<float>::infinity();
  QuantizerState state;
  state.scale = at::ones(scale_sizes, real);
  if (!options.symmetric) {
    state.zero_point = at::zeros(scale_sizes, options.scale == ScaleSource::learned ? real : real.dtype(at::kInt));
  }
  state.min = at::full(scale_sizes, infinity, real);
  state.max = at::full(scale_sizes, -infinity, real);
  return state;
}

Observation observation(const QuantizerOptions& options, Role role) {
  const bool remembers = options.observer == ObserverType::min_max;
  Observation result;
  result.averaging = remembers ? 0.0 : options.averaging;
  result.forget = remembers && role == Role::weight;
  result.percentile = options.observer == ObserverType::percentile ? options.percentile : 100.0;
  return result;
}

void observe_(QuantizerState& state, const QuantizerOptions& options, Role role, const at::Tensor& x,
              const std::optional<at::Tensor>& fold_factor) {
  const at::NoGradGuard no_grad;
  const Observation how = observation(options, role);
  observe_qparams_(state.min, state.max, state.scale, none_if_undefined(state.zero_point), x, options.quant_min(),
                   options.quant_max(), options.symmetric, how.averaging, how.forget, how.percentile, fold_factor);
}

void initialize_learned_(QuantizerState& state, const QuantizerOptions& options, Role role, const at::Tensor& x) {
  const at::NoGradGuard no_grad;
  compress::initialize_learned_(state.scale, none_if_undefined(state.zero_point), x, options.quant_min(),
                                options.quant_max(), options.symmetric, /*skip_zeros=*/role == Role::weight);
}

double gradient_factor(const QuantizerOptions& options, const at::Tensor& x, const at::Tensor& scale) {
  return lsq_gradient_factor(x.numel(), scale.numel(), options.quant_max());
}

void keep_positive_(const std::vector<at::Tensor>& scales) {
  if (scales.empty()) {
    return;
  }
  const at::NoGradGuard no_grad;
  at::_foreach_clamp_min_(scales, smallest_scale);
}

at::Tensor apply(const QuantizerState& state, const QuantizerOptions& options, const at::Tensor& x,
                 const std::optional<at::Tensor>& mask, const std::optional<at::Tensor>& fold_factor) {
  const auto zero_point = none_if_undefined(state.zero_point);
  if (options.scale == ScaleSource::learned) {
    return fake_quantize_learnable(x, state.scale, zero_point, options.quant_min(), options.quant_max(), mask,
                                   fold_factor);
  }
  if (fold_factor) {
    return fake_quantize_folded(x, state.scale, zero_point, *fold_factor, options.quant_min(), options.quant_max(),
                                mask);
  }
  return fake_quantize(x, state.scale, zero_point, options.quant_min(), options.quant_max(), mask);
}

at::Tensor quantize(const QuantizerState& state, const QuantizerOptions& options, const at::Tensor& x) {
  const at::NoGradGuard no_grad;
  // From the value on the grid back to its integer: (q - zero_point) * scale / scale is off by less than an ulp of q.
  at::Tensor integers = (apply(state, options, x.to(at::kFloat)) / per_element(state.scale, x.sizes())).round_();
  if (state.zero_point.defined()) {
    integers += per_element(state.zero_point, x.sizes()).round();
  }
  return integers.to(at::kChar);
}

at::Tensor dequantize(const at::Tensor& integers, const at::Tensor& scale, const at::Tensor& zero_point) {
  at::Tensor steps = integers.to(at::kFloat);
  if (zero_point.defined()) {
    steps -= per_element(zero_point, integers.sizes()).to(at::kFloat).round();
  }
  return steps.mul_(per_element(scale, integers.sizes()));
}

}  // namespace compress::quant
