#include "compress/recipe/network_layers.h"

#include "compress/core/error.h"
#include "compress/nn/batch_norm.h"
#include "compress/nn/compressible.h"
#include "compress/recipe/load_teacher.h"

namespace compress::recipe {
namespace {

class NetworkQuantizer : public QuantizerSlot {
 public:
  explicit NetworkQuantizer(nn::Quantizer quantizer) : quantizer_(std::move(quantizer)) {}

  void set_phase(bool enabled, bool observing) override {
    quantizer_->enabled = enabled;
    quantizer_->observing = observing;
  }
  void set_initialized(bool initialized) override { quantizer_->initialized = initialized; }
  at::Tensor scale() const override { return quantizer_->state().scale; }

 private:
  nn::Quantizer quantizer_;
};

class NetworkLayer : public Layer {
 public:
  explicit NetworkLayer(nn::NamedLayer named) : name_(std::move(named.name)), layer_(*named.layer) {}

  const std::string& name() const override { return name_; }
  std::string type() const override { return std::string(layer_.layer_type()); }
  at::Tensor weight() const override { return layer_.weight_parameter(); }
  at::Tensor weight_mask() const override { return layer_.weight_mask; }
  void add_weight_mask() override { layer_.add_weight_mask(); }
  std::unique_ptr<QuantizerSlot> add_weight_quantizer(const quant::QuantizerOptions& options) override {
    layer_.add_weight_quantizer(options);
    return std::make_unique<NetworkQuantizer>(layer_.weight_quantizer);
  }
  std::unique_ptr<QuantizerSlot> add_input_quantizer(const quant::QuantizerOptions& options) override {
    if (layer_.input_channel_sizes().empty()) {
      return nullptr;
    }
    layer_.add_input_quantizer(options);
    return std::make_unique<NetworkQuantizer>(layer_.input_quantizer);
  }

 private:
  std::string name_;
  nn::Compressible& layer_;
};

void freeze_batch_norms(const torch::nn::Module& network, bool frozen) {
  for (const auto& module : network.modules()) {
    if (auto* batch_norm = dynamic_cast<nn::BatchNorm2dImpl*>(module.get())) {
      batch_norm->frozen = frozen;
    }
  }
}

std::shared_ptr<distill::Tap> shared_tap(torch::nn::Module& network, const std::string& layer) {
  distill::Tappable& tappable = distill::find_tappable(network, layer);
  if (!tappable.tap()) {
    tappable.attach_tap(std::make_shared<distill::Tap>(layer));
  }
  return tappable.tap();
}

bool belongs_to_quantizer(const std::string& name) {
  return name.find("weight_quantizer.") != std::string::npos || name.find("input_quantizer.") != std::string::npos;
}

}  // namespace

Attachment make_attachment(torch::nn::Module& network, Forward forward, const at::Tensor& example_input,
                           const RunLength& run) {
  Attachment attachment;
  for (nn::NamedLayer& layer : nn::compressible_layers(network)) {
    attachment.layers.push_back(std::make_shared<NetworkLayer>(std::move(layer)));
  }
  attachment.run = run;
  attachment.example_input = example_input;
  attachment.freeze_batch_norms = [&network](bool frozen) { freeze_batch_norms(network, frozen); };
  attachment.tap = [&network](const std::string& layer) { return shared_tap(network, layer); };
  attachment.run_example = [&network, forward = std::move(forward), example_input] {
    const at::NoGradGuard no_grad;
    const bool was_training = network.is_training();
    network.eval();  // batch norm must not move
    at::Tensor logits = forward(example_input);
    network.train(was_training);
    return logits;
  };
  attachment.make_teacher = [](const auto&, const auto&) -> RunTeacher {
    fail<UsageError>("distill: there is no teacher; set Attachment::make_teacher");
  };
  return attachment;
}

Attachment make_attachment(torch::nn::Module& network, Forward forward, const models::InputShape& shape,
                           const at::Device& device, const RunLength& run) {
  // Two images: enough for shapes, and for batch norm if somebody left it in training mode.
  const at::Tensor example = at::zeros({2, shape.channels, shape.height, shape.width}, at::TensorOptions(device));
  Attachment attachment = make_attachment(network, std::move(forward), example, run);
  attachment.make_teacher = [shape, device](const std::optional<TeacherOptions>& options,
                                            const std::vector<std::string>& taps) -> RunTeacher {
    check<UsageError>(options.has_value(), "distill.teacher: which network to learn from is missing");
    const auto teacher = load_teacher(*options, shape, device);
    return distill::Teacher([teacher = teacher.get()](const at::Tensor& input) { return teacher->forward(input); },
                            teacher, taps);
  };
  return attachment;
}

std::vector<optim::ParameterGroup> network_parameter_groups(const torch::nn::Module& network) {
  optim::ParameterGroup weights{"network", {}};
  optim::ParameterGroup scales{"learned scales", {}, 1.0, 0.0};
  for (const auto& item : network.named_parameters()) {
    (belongs_to_quantizer(item.key()) ? scales : weights).parameters.emplace_back(item.key(), item.value());
  }
  std::vector<optim::ParameterGroup> groups{std::move(weights)};
  if (!scales.parameters.empty()) {
    groups.push_back(std::move(scales));
  }
  return groups;
}

}  // namespace compress::recipe
