#include "compress/nn/quantizer.h"

#include "compress/ops/apply_mask.h"

namespace compress::nn {

QuantizerImpl::QuantizerImpl(quant::QuantizerOptions options, quant::Role role, at::IntArrayRef scale_sizes)
    : options_(options), role_(role), state_(quant::make_state(options, scale_sizes, at::kCPU)) {
  if (learned()) {
    register_parameter("scale", state_.scale);
    if (state_.zero_point.defined()) {
      register_parameter("zero_point", state_.zero_point);
    }
    return;
  }
  register_buffer("scale", state_.scale);
  if (state_.zero_point.defined()) {
    register_buffer("zero_point", state_.zero_point);
  }
  register_buffer("min", state_.min);
  register_buffer("max", state_.max);
}

at::Tensor QuantizerImpl::forward(const at::Tensor& x, const std::optional<at::Tensor>& mask,
                                  const std::optional<at::Tensor>& fold_factor) {
  if (!enabled) {
    return mask ? apply_mask(x, *mask) : x;
  }
  if (is_training()) {
    if (!learned() && observing) {
      quant::observe_(state_, options_, role_, x, fold_factor);
    } else if (learned() && !initialized) {
      quant::initialize_learned_(state_, options_, role_, fold_factor ? x * *fold_factor : x);
      initialized = true;
    }
  }
  return quant::apply(state_, options_, x, mask, fold_factor);
}

void QuantizerImpl::pretty_print(std::ostream& stream) const {
  stream << "compress::nn::Quantizer(" << options_.format.name() << (options_.symmetric ? ", symmetric" : "")
         << ", scale=" << state_.scale.sizes() << (learned() ? ", learned)" : ")");
}

}  // namespace compress::nn
