#include "compress/recipe/quantize_method.h"

#include "compress/core/error.h"
#include "compress/quant/quantizer_state.h"
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
  Selection selection = select_layers(attachment, options_.include, options_.exclude, name());
  start_ = options_.start.resolve(attachment.run);
  freeze_ = options_.freeze_observers.resolve(attachment.run);
  check<UsageError>(start_ < attachment.run.total_steps, "quantize.start: ", options_.start.text(),
                    " lies beyond the run's ", attachment.run.total_steps, " steps");
  check<UsageError>(freeze_ > start_, "quantize.freeze_observers: ", options_.freeze_observers.text(), " (step ",
                    freeze_, ") must come after start, ", options_.start.text(), " (step ", start_,
                    "): observers need batches to look at");
  for (const auto& layer : selection.layers) {
    std::string action;
    if (options_.weight) {
      add(layer->add_weight_quantizer(*options_.weight), *options_.weight);
      action = describe(*options_.weight, "weight");
    }
    if (options_.activation) {
      if (auto quantizer = layer->add_input_quantizer(*options_.activation)) {
        add(std::move(quantizer), *options_.activation);
        action += (action.empty() ? "" : ", ") + describe(*options_.activation, "input");
      }
    }
    plan_.push_back({layer->name(), std::string(name()),
                     action.empty() ? "left out: its input cannot be quantized, and weights are left as they are"
                                    : action + ", from step " + std::to_string(start_)});
  }
  plan_.insert(plan_.end(), selection.left_out.begin(), selection.left_out.end());
  freeze_batch_norms_ = attachment.freeze_batch_norms;
}

void QuantizeMethod::add(std::unique_ptr<QuantizerSlot> quantizer, const quant::QuantizerOptions& options) {
  if (options.scale == quant::ScaleSource::learned) {
    learned_.push_back(quantizer.get());
  }
  quantizers_.push_back(std::move(quantizer));
}

void QuantizeMethod::enter(Phase phase) {
  if (phase_ == phase) {
    return;
  }
  for (const auto& quantizer : quantizers_) {
    quantizer->set_phase(phase.enabled, !phase.frozen);
  }
  freeze_batch_norms_(phase.frozen);
  phase_ = phase;
}

void QuantizeMethod::before_step(int64_t step) {
  enter(phase_at(step));
}

void QuantizeMethod::after_step(int64_t step) {
  std::vector<at::Tensor> scales;
  for (const QuantizerSlot* quantizer : learned_) {
    scales.push_back(quantizer->scale());
  }
  quant::keep_positive_(scales);
}

void QuantizeMethod::resume(int64_t steps) {
  for (const auto& quantizer : quantizers_) {
    quantizer->set_initialized(steps > start_);
  }
  phase_.reset();  // a loaded network may be in any phase
  enter(phase_at(steps));
}

}  // namespace compress::recipe
