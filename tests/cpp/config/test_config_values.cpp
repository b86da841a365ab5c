#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace compress::config::test {
namespace {

using recipe::DistillOptions;
using recipe::FeatureTerm;
using recipe::KlTerm;
using recipe::PruneOptions;
using recipe::QuantizeOptions;

// The recipe of the design, as users see it there.
const std::string design_recipe = R"(
compression:
  - prune:    {pattern: unstructured, criterion: magnitude, scope: global, sparsity: 0.9, schedule: {type: cubic, start: 0%, end: 60%, every: 20}, exclude: [head]}
  - quantize: {weight: {format: int8, granularity: channel, scale: learned}, activation: {format: int8, granularity: tensor, symmetric: false, observer: moving_average}, start: 60%, freeze_observers: 90%}
  - distill:  {teacher: {model: {type: convnet, width: 64}, checkpoint: runs/teacher}, losses: [{type: kl, temperature: 4, weight: 0.9}, {type: feature, taps: {block3: block3}, weight: 0.1}]}
)";

TEST(ConfigValues, RecipeOfTheDesign) {
  const std::vector<recipe::MethodOptions> recipe = parse_recipe(design_recipe, "recipe");
  ASSERT_EQ(recipe.size(), 3);

  const auto& prune = std::get<PruneOptions>(recipe[0]);
  EXPECT_EQ(prune.scope, prune::Scope::global);
  EXPECT_EQ(prune.sparsity, 0.9);
  EXPECT_EQ(prune.schedule.type, prune::ScheduleType::cubic);
  EXPECT_EQ(prune.schedule.start, Duration::percent(0));
  EXPECT_EQ(prune.schedule.end, Duration::percent(60));
  EXPECT_EQ(prune.schedule.every, 20);
  EXPECT_THAT(prune.exclude, testing::ElementsAre("head"));

  const auto& quantize = std::get<QuantizeOptions>(recipe[1]);
  ASSERT_TRUE(quantize.weight && quantize.activation);
  EXPECT_EQ(quantize.weight->granularity, quant::Granularity::channel);
  EXPECT_EQ(quantize.weight->scale, quant::ScaleSource::learned);
  EXPECT_TRUE(quantize.weight->symmetric);
  EXPECT_EQ(quantize.activation->observer, quant::ObserverType::moving_average);
  EXPECT_FALSE(quantize.activation->symmetric);
  EXPECT_EQ(quantize.start, Duration::percent(60));
  EXPECT_EQ(quantize.freeze_observers, Duration::percent(90));

  const auto& distill = std::get<DistillOptions>(recipe[2]);
  EXPECT_EQ(std::get<models::ConvnetOptions>(distill.teacher->model).width, 64);
  EXPECT_EQ(distill.teacher->checkpoint, "runs/teacher");
  ASSERT_EQ(distill.losses.size(), 2);
  EXPECT_EQ(std::get<KlTerm>(distill.losses[0]).temperature, 4);
  const auto& feature = std::get<FeatureTerm>(distill.losses[1]);
  EXPECT_THAT(feature.taps, testing::ElementsAre(testing::Pair("block3", "block3")));
  EXPECT_EQ(feature.weight, 0.1);
}

TEST(ConfigValues, RecipeInAllItsForms) {
  const std::string list = "- prune: {sparsity: 0.5}\n";
  const std::vector<std::string> forms{list, "compression:\n" + list, minimal + "compression:\n" + list};
  for (const std::string& form : forms) {
    const auto recipe = parse_recipe(form, "recipe");
    ASSERT_EQ(recipe.size(), 1) << form;
    EXPECT_EQ(std::get<PruneOptions>(recipe[0]).sparsity, 0.5) << form;
  }
}

TEST(ConfigValues, EveryKeyOfAnExperiment) {
  const train::Experiment experiment = parse_experiment(R"(
name: trial
output: /tmp/out
seed: 7
device: cpu
threads: 2
data: {type: cifar10, path: my files/cifar, batch_size: 32, augment: {shift: 4, flip: true}}
model: {type: mlp, hidden: [10, 20]}
optimizer: {type: adamw, lr: 1e-3, beta1: 0.8, beta2: 0.99, eps: 1e-6, weight_decay: 0}
learning_rate: {decay: step, warmup: 100, every: 10e, factor: 0.5}
training: {duration: 1000, gradient_accumulation: 2, clip_norm: 1.5, label_smoothing: 0.1, precision: bfloat16,
           evaluate_every: 2e, checkpoint_every: 50%, keep_checkpoints: 3, log_every: 5}
report: {baseline: true, latency_batch: 8}
)",
                                                        "x.yaml");
  EXPECT_EQ(experiment.name, "trial");
  EXPECT_EQ(experiment.output, "/tmp/out");
  EXPECT_EQ(experiment.seed, 7);
  EXPECT_EQ(experiment.device, train::Device::cpu);
  EXPECT_EQ(experiment.threads, 2);
  EXPECT_EQ(experiment.data.type, data::DatasetType::cifar10);
  EXPECT_EQ(experiment.data.path, "my files/cifar");
  EXPECT_EQ(experiment.data.batch_size, 32);
  EXPECT_EQ(experiment.data.augment.shift, 4);
  EXPECT_TRUE(experiment.data.augment.flip);
  EXPECT_THAT(std::get<models::MlpOptions>(experiment.model).hidden, testing::ElementsAre(10, 20));
  const auto& adamw = std::get<optim::AdamwOptions>(experiment.optimizer);
  EXPECT_THAT((std::vector{adamw.lr, adamw.beta1, adamw.beta2, adamw.eps, adamw.weight_decay}),
              testing::ElementsAre(1e-3, 0.8, 0.99, 1e-6, 0));
  EXPECT_EQ(experiment.learning_rate.decay, optim::Decay::step);
  EXPECT_EQ(experiment.learning_rate.warmup, Duration::steps(100));
  EXPECT_EQ(experiment.learning_rate.every, Duration::epochs(10));
  EXPECT_EQ(experiment.learning_rate.factor, 0.5);
  const train::TrainingOptions& training = experiment.training;
  EXPECT_EQ(training.duration, Duration::steps(1000));
  EXPECT_EQ(training.gradient_accumulation, 2);
  EXPECT_EQ(training.clip_norm, 1.5);
  EXPECT_EQ(training.label_smoothing, 0.1);
  EXPECT_EQ(training.precision, train::Precision::bfloat16);
  EXPECT_EQ(training.evaluate_every, Duration::epochs(2));
  EXPECT_EQ(training.checkpoint_every, Duration::percent(50));
  EXPECT_EQ(training.keep_checkpoints, 3);
  EXPECT_EQ(training.log_every, 5);
  EXPECT_TRUE(experiment.report.baseline);
  EXPECT_EQ(experiment.report.latency_batch, 8);
}

TEST(ConfigValues, WhatIsAbsentKeepsTheDefaultsOfTheStructs) {
  train::Experiment defaults;
  EXPECT_EQ(to_yaml(parse("")), to_yaml(defaults));
  // Nothing in a block, as where all of it is commented out, is the same as no block.
  EXPECT_EQ(to_yaml(parse("training:\n  # duration: 5e\ncompression:\n")), to_yaml(defaults));
  EXPECT_EQ(recipe_to_yaml(parse_recipe("- prune:\n- quantize: {}\n", "r")),
            recipe_to_yaml({PruneOptions{}, QuantizeOptions{}}));
}

TEST(ConfigValues, DataFolderFollowsTheType) {
  EXPECT_EQ(parse_experiment("data: {type: mnist}\nmodel: {type: mlp}", "x").data.path, "data/mnist");
}

TEST(ConfigValues, QuantizersMayBeNone) {
  const auto weights_only = parse_method<QuantizeOptions>("quantize: {activation: none}");
  EXPECT_TRUE(weights_only.weight && !weights_only.activation);
  const auto activations_only = parse_method<QuantizeOptions>("quantize: {weight: none}");
  EXPECT_TRUE(!activations_only.weight && activations_only.activation);
}

TEST(ConfigValues, QuantizerKeysOfTheirChoices) {
  const auto options = parse_method<QuantizeOptions>(
      "quantize: {weight: {format: int4, granularity: group, group_size: 16, scale: learned, observer: percentile, "
      "percentile: 99.5, averaging: 0.1}, include: [a, b*], exclude: [b2]}");
  EXPECT_EQ(options.weight->format.bits, 4);
  EXPECT_EQ(options.weight->granularity, quant::Granularity::group);
  EXPECT_EQ(options.weight->group_size, 16);
  EXPECT_EQ(options.weight->percentile, 99.5);
  EXPECT_EQ(options.weight->averaging, 0.1);
  EXPECT_THAT(options.include, testing::ElementsAre("a", "b*"));
  EXPECT_THAT(options.exclude, testing::ElementsAre("b2"));
}

TEST(ConfigValues, DurationsInEveryUnit) {
  const auto schedule = parse_method<PruneOptions>("prune: {schedule: {start: 10, end: 20e}}").schedule;
  EXPECT_EQ(schedule.start, Duration::steps(10));
  EXPECT_EQ(schedule.end, Duration::epochs(20));
  EXPECT_EQ(parse("learning_rate: {warmup: 0.5e}\n").learning_rate.warmup, Duration::epochs(0.5));
}

TEST(ConfigValues, LinesMayEndAsOnWindows) {
  const train::Experiment experiment =
      parse_experiment("data: {type: digits}\r\nmodel:\r\n  type: convnet\r\n  width: 32\r\nname: a\r\n", "x.yaml");
  EXPECT_EQ(std::get<models::ConvnetOptions>(experiment.model).width, 32);
  EXPECT_EQ(experiment.name, "a");
}

TEST(ConfigValues, AnchorsShareBlocks) {
  const train::Experiment experiment = parse_experiment(
      "data: {type: digits}\nmodel: &net {type: convnet, width: 32}\n"
      "compression: [{distill: {teacher: {model: *net, checkpoint: t}}}]\n",
      "x.yaml");
  const auto& teacher = std::get<DistillOptions>(experiment.compression[0]).teacher.value();
  EXPECT_EQ(std::get<models::ConvnetOptions>(teacher.model).width, 32);
}

}  // namespace
}  // namespace compress::config::test
