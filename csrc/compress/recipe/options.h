#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compress/core/duration.h"
#include "compress/core/names.h"
#include "compress/distill/losses.h"
#include "compress/models/options.h"
#include "compress/prune/options.h"
#include "compress/prune/schedule.h"
#include "compress/quant/options.h"

namespace compress::recipe {

/// Gradual magnitude pruning of the layers' weights.
struct PruneOptions {
  prune::Pattern pattern = prune::Pattern::unstructured;
  prune::Criterion criterion = prune::Criterion::magnitude;
  prune::Scope scope = prune::Scope::global;
  double sparsity = 0.9;  ///< share of the selected weights that end at zero, [0, 1)
  struct Schedule {
    prune::ScheduleType type = prune::ScheduleType::cubic;
    Duration start = Duration::percent(0);
    Duration end = Duration::percent(60);  ///< cubic only
    int64_t every = 20;                    ///< optimizer steps between mask updates, cubic only
    double initial = 0.0;                  ///< sparsity at `start`, cubic only
  } schedule;
  std::vector<std::string> include;  ///< layer names or patterns (`block*`); empty = all
  std::vector<std::string> exclude;
};

/// Quantization-aware training of the layers' weights and inputs.
struct QuantizeOptions {
  std::optional<quant::QuantizerOptions> weight = quant::default_weight_options();
  std::optional<quant::QuantizerOptions> activation = quant::default_activation_options();
  Duration start = Duration::percent(0);
  /// Observers and batch-norm statistics stand still from here on: training then sees the deployed arithmetic.
  Duration freeze_observers = Duration::percent(90);
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

struct TeacherOptions {
  models::ModelOptions model;
  std::string checkpoint;  ///< run folder, checkpoint folder or .safetensors file
  bool train = false;      ///< where `checkpoint` does not exist: train it there first, with this config's settings
  Duration duration = Duration::percent(100);  ///< of that training; 100 % = as long as this run
};

/// One term of the distillation loss.
struct KlTerm {
  double temperature = 4.0;
  double weight = 0.9;
};

struct FeatureTerm {
  distill::FeatureLoss loss = distill::FeatureLoss::mse;
  /// student layer -> teacher layer
  std::vector<std::pair<std::string, std::string>> taps;
  double weight = 0.1;
};

struct DistillOptions {
  std::optional<TeacherOptions> teacher;  ///< none where the caller has a teacher at hand
  double task_weight = 1.0;               ///< multiplies the task's own loss
  std::vector<std::variant<KlTerm, FeatureTerm>> losses{KlTerm{}};
};

using MethodOptions = std::variant<PruneOptions, QuantizeOptions, DistillOptions>;

}  // namespace compress::recipe

namespace compress {

template <>
inline constexpr TypeName type_name<recipe::PruneOptions>{"prune",
                                                          "Weights go to zero during training and stay there."};

template <>
inline constexpr TypeName type_name<recipe::QuantizeOptions>{
    "quantize", "Quantization-aware training: weights and layer inputs on an integer grid."};

template <>
inline constexpr TypeName type_name<recipe::DistillOptions>{"distill",
                                                            "The network learns from a teacher's outputs too."};

template <>
inline constexpr TypeName type_name<recipe::KlTerm>{
    "kl", "Kullback-Leibler divergence between softened class probabilities (Hinton et al. 2015)."};

template <>
inline constexpr TypeName type_name<recipe::FeatureTerm>{"feature",
                                                         "Outputs of named layers; a projector joins other shapes."};

}  // namespace compress
