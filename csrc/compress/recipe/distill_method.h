#pragma once

#include <memory>
#include <optional>

#include "compress/distill/projector.h"
#include "compress/distill/tap.h"
#include "compress/distill/teacher.h"
#include "compress/recipe/method.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// Knowledge distillation from a frozen teacher: KL on logits, losses on features of named layers.
class DistillMethod : public Method {
 public:
  explicit DistillMethod(DistillOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return type_name<DistillOptions>.name; }
  void attach(const Attachment& attachment) override;
  at::Tensor loss(const LossInput& input) override;
  double task_weight() const override { return options_.task_weight; }
  std::vector<optim::ParameterGroup> parameter_groups() override;
  NamedTensors tensors() override;
  std::vector<PlanRow> plan() const override { return plan_; }

 private:
  /// A pair of layers whose outputs should meet.
  struct FeaturePair {
    std::string student_layer;
    std::string teacher_layer;
    std::shared_ptr<distill::Tap> student_tap;
    size_t teacher_feature;                         ///< index into TeacherOutput::features
    std::shared_ptr<distill::Projector> projector;  ///< null where shapes meet
    distill::FeatureLoss loss;
    double weight;
  };

  void add_pairs(const FeatureTerm& term, const Attachment& attachment, std::vector<std::string>& teacher_layers);
  void try_example(const Attachment& attachment);
  static at::Tensor pair_loss(const FeaturePair& pair, const distill::TeacherOutput& teacher);

  DistillOptions options_;
  std::vector<KlTerm> kl_terms_;
  std::vector<FeaturePair> pairs_;
  RunTeacher teacher_;
  std::vector<PlanRow> plan_;
};

}  // namespace compress::recipe
