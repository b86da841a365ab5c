#include "compress/quant/quantizer_state.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "compress/core/error.h"
#include "compress/ops/choose_qparams.h"
#include "compress/ops/fake_quantize.h"
#include "compress/ops/observe_min_max.h"
#include "compress/quant/blocks.h"
#include "compress/quant/percentile.h"

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

// 0 = the range only grows.
double averaging(const QuantizerOptions& options) {
  return options.observer == ObserverType::min_max ? 0.0 : options.averaging;
}

// The min_max observer of a weight forgets: a range that only grows would keep the scale of the first, wild steps.
bool forgets(const QuantizerOptions& options, Role role) {
  return options.observer == ObserverType::min_max && role == Role::weight;
}

void forget_(QuantizerState& state) {
  state.min.fill_(std::numeric_limits<float>::infinity());
  state.max.fill_(-std::numeric_limits<float>::infinity());
}

// A scale of a block's shape, repeated so that it meets x element by element.
at::Tensor per_element(const at::Tensor& scale, at::IntArrayRef sizes) {
  at::Tensor result = scale.detach();
  for (int64_t d = 0; d < result.dim(); ++d) {
    result = result.repeat_interleave(sizes[d] / result.size(d), d);
  }
  return result;
}

void choose_qparams_(QuantizerState& state, const QuantizerOptions& options) {
  const auto [scale, zero_point] =
      choose_qparams(state.min, state.max, options.quant_min(), options.quant_max(), options.symmetric);
  state.scale.copy_(scale);
  if (state.zero_point.defined()) {
    state.zero_point.copy_(zero_point);
  }
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

void observe_(QuantizerState& state, const QuantizerOptions& options, Role role, const at::Tensor& x) {
  const at::NoGradGuard no_grad;
  if (x.numel() == 0) {
    return;
  }
  const double weight_of_new = averaging(options);
  if (forgets(options, role)) {
    forget_(state);
  }
  if (options.observer == ObserverType::percentile) {
    // The observer sees a batch of two values per scale: its percentiles.
    const auto [low, high] = percentile_range(x, state.min, options.percentile);
    at::Tensor min = state.min.view({-1, 1});
    at::Tensor max = state.max.view({-1, 1});
    observe_min_max_(min, max, at::stack({low.reshape(-1), high.reshape(-1)}, 1), weight_of_new);
  } else {
    observe_min_max_(state.min, state.max, x.detach(), weight_of_new);
  }
  choose_qparams_(state, options);
}

void initialize_learned_(QuantizerState& state, const QuantizerOptions& options, Role role, const at::Tensor& x) {
  const at::NoGradGuard no_grad;
  if (!options.symmetric) {
    QuantizerState range = state;  // the same scale and zero_point; the range is not kept
    range.min = at::full_like(state.scale, std::numeric_limits<double>::infinity());
    range.max = at::full_like(state.scale, -std::numeric_limits<double>::infinity());
    observe_min_max_(range.min, range.max, x.detach(), 0.0);
    choose_qparams_(range, options);
    return;
  }
  const at::Tensor magnitude = as_blocks(x.detach().to(at::kFloat), state.scale.sizes()).abs();
  const at::Tensor mean =
      role == Role::weight ? magnitude.sum(1) / magnitude.ne(0).sum(1).clamp_min(1) : magnitude.mean(1);
  const double factor = 2.0 / std::sqrt(static_cast<double>(options.quant_max()));
  state.scale.copy_((mean * factor).clamp_min(smallest_scale).view(state.scale.sizes()));
}

double gradient_factor(const QuantizerOptions& options, const at::Tensor& x, const at::Tensor& scale) {
  const double elements = static_cast<double>(x.numel()) / static_cast<double>(std::max<int64_t>(1, scale.numel()));
  return 1.0 / std::sqrt(std::max(1.0, elements) * static_cast<double>(options.quant_max()));
}

void keep_positive_(const std::vector<at::Tensor>& scales) {
  if (scales.empty()) {
    return;
  }
  const at::NoGradGuard no_grad;
  at::_foreach_clamp_min_(scales, smallest_scale);
}

at::Tensor apply(const QuantizerState& state, const QuantizerOptions& options, const at::Tensor& x,
                 const std::optional<at::Tensor>& mask) {
  const double factor = options.scale == ScaleSource::learned ? gradient_factor(options, x, state.scale) : 1.0;
  const std::optional<at::Tensor> zero_point =
      state.zero_point.defined() ? std::optional<at::Tensor>(state.zero_point) : std::nullopt;
  return fake_quantize(x, state.scale, zero_point, options.quant_min(), options.quant_max(), mask, factor);
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
