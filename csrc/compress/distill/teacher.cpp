#include "compress/distill/teacher.h"

#include <utility>

#include "compress/core/error.h"

namespace compress::distill {
namespace {

std::shared_ptr<Tap> tap_layer(torch::nn::Module& module, const std::string& name) {
  Tappable& layer = find_tappable(module, name);
  if (!layer.tap()) {
    layer.attach_tap(std::make_shared<Tap>(name));
  }
  return layer.tap();
}

}  // namespace

Teacher::Teacher(Forward forward, std::shared_ptr<torch::nn::Module> module, const std::vector<std::string>& taps)
    : forward_(std::move(forward)), module_(std::move(module)) {
  check(forward_ != nullptr && module_ != nullptr, "teacher: got no network");
  for (const std::string& name : taps) {
    taps_.push_back(tap_layer(*module_, name));
  }
  for (at::Tensor& parameter : module_->parameters()) {
    parameter.set_requires_grad(false);
  }
}

TeacherOutput Teacher::operator()(const at::Tensor& input) const {
  const torch::NoGradGuard no_grad;
  module_->eval();
  TeacherOutput output;
  output.logits = forward_(input);
  for (const auto& tap : taps_) {
    output.features.push_back(tap->output());
  }
  for (const auto& tap : taps_) {
    tap->clear();
  }
  return output;
}

}  // namespace compress::distill
