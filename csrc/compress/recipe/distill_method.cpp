#include "compress/recipe/distill_method.h"

#include <c10/util/overloaded.h>

#include <algorithm>

#include "compress/core/error.h"
#include "compress/models/weights.h"
#include "compress/ops/distillation_loss.h"
#include "compress/recipe/load_teacher.h"

namespace compress::recipe {
namespace {

std::shared_ptr<distill::Tap> shared_tap(torch::nn::Module& network, const std::string& layer) {
  distill::Tappable& tappable = distill::find_tappable(network, layer);
  if (!tappable.tap()) {
    tappable.attach_tap(std::make_shared<distill::Tap>(layer));
  }
  return tappable.tap();
}

}  // namespace

void DistillMethod::attach(const Attachment& attachment) {
  std::vector<std::string> teacher_layers;
  for (const auto& term : options_.losses) {
    std::visit(c10::overloaded([&](const KlTerm& kl) { kl_terms_.push_back(kl); },
                               [&](const FeatureTerm& feature) { add_pairs(feature, attachment, teacher_layers); }),
               term);
  }
  const auto network = load_teacher(options_.teacher, attachment.shape, attachment.example_input.device());
  teacher_.emplace([network = network.get()](const at::Tensor& input) { return network->forward(input); }, network,
                   teacher_layers);
  if (!pairs_.empty()) {
    make_projectors(attachment);
  }
  for (const KlTerm& kl : kl_terms_) {
    plan_.push_back(
        {"(logits)", std::string(name()), concat("KL, temperature ", kl.temperature, ", weight ", kl.weight)});
  }
  for (const FeaturePair& pair : pairs_) {
    plan_.push_back({pair.student_layer, std::string(name()),
                     concat(enum_name(pair.loss), " to teacher's ", pair.teacher_layer,
                            pair.projector ? " through a projector" : "", ", weight ", pair.weight)});
  }
}

void DistillMethod::add_pairs(const FeatureTerm& term, const Attachment& attachment,
                              std::vector<std::string>& teacher_layers) {
  for (const auto& [student_layer, teacher_layer] : term.taps) {
    pairs_.push_back({student_layer, teacher_layer, shared_tap(attachment.network, student_layer),
                      teacher_layers.size(), nullptr, term.loss, term.weight});
    teacher_layers.push_back(teacher_layer);
  }
}

// Runs both networks once on the example to learn the features' shapes. In evaluation mode: batch norm must not move.
void DistillMethod::make_projectors(const Attachment& attachment) {
  const at::NoGradGuard no_grad;
  const bool was_training = attachment.network.is_training();
  attachment.network.eval();
  attachment.forward(attachment.example_input);
  attachment.network.train(was_training);
  const distill::TeacherOutput teacher = (*teacher_)(attachment.example_input);
  for (FeaturePair& pair : pairs_) {
    if (distill::needs_equal_channels(pair.loss)) {
      pair.projector =
          distill::make_projector(pair.student_tap->output().sizes(), teacher.features[pair.teacher_feature].sizes());
    }
    if (pair.projector) {
      pair.projector->to(attachment.example_input.device());
    }
    pair_loss(pair, teacher);  // features that do not meet fail here, not in the first step
  }
  for (FeaturePair& pair : pairs_) {
    pair.student_tap->clear();
  }
}

at::Tensor DistillMethod::pair_loss(const FeaturePair& pair, const distill::TeacherOutput& teacher) {
  const at::Tensor& student = pair.student_tap->output();
  const at::Tensor& target = teacher.features[pair.teacher_feature];
  if (!distill::needs_equal_channels(pair.loss)) {
    return distill::feature_loss(student, target, pair.loss);
  }
  const auto [projected, pooled] = distill::align(student, target, pair.projector);
  return distill::feature_loss(projected, pooled, pair.loss);
}

at::Tensor DistillMethod::loss(const LossInput& input) {
  const distill::TeacherOutput teacher = (*teacher_)(input.input);
  check(teacher.logits.sizes() == input.logits.sizes(), "distill: the teacher answers with logits ",
        teacher.logits.sizes(), ", the student with ", input.logits.sizes());
  at::Tensor total;
  const auto add = [&](const at::Tensor& term, double weight) {
    total = total.defined() ? total + weight * term : weight * term;
  };
  for (const KlTerm& kl : kl_terms_) {
    add(distillation_loss(input.logits, teacher.logits, kl.temperature), kl.weight);
  }
  for (FeaturePair& pair : pairs_) {
    add(pair_loss(pair, teacher), pair.weight);
  }
  for (FeaturePair& pair : pairs_) {
    pair.student_tap->clear();
  }
  return total;
}

std::vector<optim::ParameterGroup> DistillMethod::parameter_groups() {
  NamedTensors parameters = tensors();
  if (parameters.empty()) {
    return {};
  }
  for (auto& [name, tensor] : parameters) {
    name = "distill." + name;
  }
  return {{"projectors", std::move(parameters)}};
}

NamedTensors DistillMethod::tensors() {
  NamedTensors result;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].projector) {
      for (auto& [name, tensor] : models::state_dict(*pairs_[i].projector)) {
        result.emplace_back("projector" + std::to_string(i) + "." + name, tensor);
      }
    }
  }
  return result;
}

}  // namespace compress::recipe
