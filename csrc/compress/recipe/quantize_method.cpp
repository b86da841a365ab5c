#include "compress/recipe/quantize_method.h"

#include "compress/core/error.h"
#include "compress/recipe/selection.h"

namespace compress::recipe {
namespace {

std::string describe(const quant::QuantizerOptions& options, const char* what) {
  return concat(what, " ", options.format.name(), " per ", enum_name(options.granularity),
                options.symmetric ? "" : " asymmetric",
                options.scale == quant::ScaleSource::learned ? concat(" ", enum_name(options.scale)) : "");
}

}  // namespace

void QuantizeMethod::attach(const Attachment& attachment) {
  Selection selection = select_layers(attachment.layers, options_.include, options_.exclude, name());
  start_ = options_.start.resolve(attachment.run);
  freeze_ = options_.freeze_observers.resolve(attachment.run);
  check<UsageError>(start_ < attachment.run.total_steps, "quantize.start: ", options_.start.text(),
                    " lies beyond the run's ", attachment.run.total_steps, " steps");
  check<UsageError>(freeze_ > start_, "quantize.freeze_observers: ", options_.freeze_observers.text(), " (step ",
                    freeze_, ") must come after start, ", options_.start.text(), " (step ", start_,
                    "): observers need batches to look at");
  for (const auto& [layer_name, layer] : selection.layers) {
    std::string action;
    if (options_.weight) {
      layer->add_weight_quantizer(*options_.weight);
      quantizers_.push_back(layer->weight_quantizer);
      action = describe(*options_.weight, "weight");
    }
    if (options_.activation && !layer->input_channel_sizes().empty()) {
      layer->add_input_quantizer(*options_.activation);
      quantizers_.push_back(layer->input_quantizer);
      action += (action.empty() ? "" : ", ") + describe(*options_.activation, "input");
    }
    plan_.push_back({layer_name, std::string(name()), action + ", from step " + std::to_string(start_)});
  }
  plan_.insert(plan_.end(), selection.left_out.begin(), selection.left_out.end());
  for (const nn::Quantizer& quantizer : quantizers_) {
    if (quantizer->learned()) {
      learned_scales_.push_back(quantizer->state().scale);
    }
  }
  for (const auto& module : attachment.network.modules()) {
    if (auto* batch_norm = dynamic_cast<nn::BatchNorm2dImpl*>(module.get())) {
      batch_norms_.push_back(batch_norm);
    }
  }
}

void QuantizeMethod::before_step(int64_t step) {
  for (nn::Quantizer& quantizer : quantizers_) {
    quantizer->enabled = step >= start_;
    quantizer->observing = step < freeze_;
  }
  for (nn::BatchNorm2dImpl* batch_norm : batch_norms_) {
    batch_norm->frozen = step >= freeze_;
  }
}

void QuantizeMethod::after_step(int64_t step) {
  quant::keep_positive_(learned_scales_);
}

void QuantizeMethod::resume(int64_t steps) {
  for (nn::Quantizer& quantizer : quantizers_) {
    quantizer->initialized = steps > start_;
  }
  before_step(steps);
}

}  // namespace compress::recipe
