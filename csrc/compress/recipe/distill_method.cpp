#include "compress/recipe/distill_method.h"

#include <c10/util/overloaded.h>

#include "compress/core/error.h"
#include "compress/models/weights.h"
#include "compress/ops/distillation_loss.h"

namespace compress::recipe {
namespace {

void check_logits(const at::Tensor& student, const at::Tensor& teacher) {
  check<UsageError>(teacher.sizes() == student.sizes(), "distill: the teacher answers with logits ", teacher.sizes(),
                    ", the student with ", student.sizes(), "; both need the same classes");
}

}  // namespace

void DistillMethod::attach(const Attachment& attachment) {
  std::vector<std::string> teacher_layers;
  for (const auto& term : options_.losses) {
    std::visit(c10::overloaded([&](const KlTerm& kl) { kl_terms_.push_back(kl); },
                               [&](const FeatureTerm& feature) { add_pairs(feature, attachment, teacher_layers); }),
               term);
  }
  teacher_ = attachment.make_teacher(options_.teacher, teacher_layers);
  try_example(attachment);
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
    pairs_.push_back({student_layer, teacher_layer, attachment.tap(student_layer), teacher_layers.size(), nullptr,
                      term.loss, term.weight});
    teacher_layers.push_back(teacher_layer);
  }
}

// Runs both networks once to learn the features' shapes: outputs that do not meet fail here, not in the first step.
void DistillMethod::try_example(const Attachment& attachment) {
  const at::NoGradGuard no_grad;
  const at::Tensor logits = attachment.run_example();
  const distill::TeacherOutput teacher = teacher_(attachment.example_input);
  if (!kl_terms_.empty()) {
    check_logits(logits, teacher.logits);
  }
  for (FeaturePair& pair : pairs_) {
    if (distill::needs_equal_channels(pair.loss)) {
      pair.projector =
          distill::make_projector(pair.student_tap->output().sizes(), teacher.features[pair.teacher_feature].sizes());
    }
    if (pair.projector) {
      pair.projector->to(pair.student_tap->output().device());
    }
    pair_loss(pair, teacher);
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
  if (pair.projector) {
    const at::Device device = pair.projector->parameters().front().device();
    check<UsageError>(device == student.device(), "distill: the projector of '", pair.student_layer, "' is on ", device,
                      ", the layer's output on ", student.device(), "; move the model before its recipe is attached");
  }
  const auto [projected, pooled] = distill::align(student, target, pair.projector);
  return distill::feature_loss(projected, pooled, pair.loss);
}

at::Tensor DistillMethod::loss(const LossInput& input) {
  const distill::TeacherOutput teacher = teacher_(input.input);
  if (!kl_terms_.empty()) {
    check_logits(input.logits, teacher.logits);
  }
  at::Tensor total;
  const auto add = [&](const at::Tensor& term, double weight) {
    total = total.defined() ? total + weight * term : weight * term;
  };
  // Mixed precision gives each network a type of its own; the wider one is exact for both.
  const at::ScalarType type = at::promote_types(input.logits.scalar_type(), teacher.logits.scalar_type());
  for (const KlTerm& kl : kl_terms_) {
    add(distillation_loss(input.logits.to(type), teacher.logits.to(type), kl.temperature), kl.weight);
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
