#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "config/parse.h"

namespace compress::config::test {
namespace {

std::vector<std::filesystem::path> shipped_configs() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(COMPRESS_SOURCE_DIR) / "configs")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(ConfigRoundTrip, EveryShippedConfig) {
  std::vector<std::string> names;
  for (const std::filesystem::path& file : shipped_configs()) {
    ASSERT_EQ(file.extension(), ".yaml") << file;
    const train::Experiment experiment = load_experiment(file);
    EXPECT_EQ(experiment.name, file.stem()) << "a config's run folder has the config's name";
    EXPECT_FALSE(experiment.compression.empty()) << file;
    const std::string text = to_yaml(experiment);
    EXPECT_EQ(to_yaml(parse_experiment(text, "effective")), text) << file;
    names.push_back(file.stem());
  }
  EXPECT_THAT(names, testing::IsSupersetOf(
                         {"digits", "digits_distill", "digits_prune", "digits_qat", "cifar10_resnet20", "mnist_mlp"}));
}

TEST(ConfigRoundTrip, EffectiveConfigHasEveryKeyThatApplies) {
  EXPECT_EQ(to_yaml(parse("compression: [{prune: {exclude: [head, 'block*']}}, {quantize: {activation: none}}]\n")),
            R"(name: run
output: runs
seed: 0
device: automatic
threads: 0
data:
  type: digits
  path: data/digits
  batch_size: 64
  augment:
    shift: 0
    flip: false
model:
  type: convnet
  width: 24
optimizer:
  type: sgd
  lr: 0.1
  momentum: 0.9
  nesterov: false
  weight_decay: 0.0001
learning_rate:
  decay: cosine
  warmup: 0
  final_fraction: 0
training:
  duration: 30e
  gradient_accumulation: 1
  clip_norm: 0
  label_smoothing: 0
  precision: float32
  evaluate_every: 1e
  checkpoint_every: 25%
  keep_checkpoints: 2
  log_every: 20
compression:
  - prune:
      pattern: unstructured
      criterion: magnitude
      scope: global
      sparsity: 0.9
      schedule:
        type: cubic
        start: 0%
        end: 60%
        every: 20
        initial: 0
      include: []
      exclude: [head, "block*"]
  - quantize:
      weight:
        format: int8
        granularity: channel
        symmetric: true
        scale: observed
        observer: min_max
      activation: none
      start: 0%
      freeze_observers: 90%
      include: []
      exclude: []
report:
  baseline: false
  latency_batch: 1
)");
}

TEST(ConfigRoundTrip, NumbersKeepEveryBit) {
  train::Experiment experiment = parse("");
  auto& sgd = std::get<optim::SgdOptions>(experiment.optimizer);
  for (const double value : {0.1, 1.0 / 3, 1e-8, 1.25e-300, 5e-324, 123456789.123, 1e15, 1.7976931348623157e308}) {
    sgd.lr = value;
    const train::Experiment again = parse_experiment(to_yaml(experiment), "effective");
    EXPECT_EQ(std::get<optim::SgdOptions>(again.optimizer).lr, value);
  }
  experiment.training.duration = Duration::epochs(1.0 / 3);
  EXPECT_EQ(parse_experiment(to_yaml(experiment), "effective").training.duration, experiment.training.duration);
}

TEST(ConfigRoundTrip, StringsKeepTheirText) {
  train::Experiment experiment = parse("");
  for (const std::string text :
       {"12", "true", "none", "~", "null", "a: b", "- a", "#1", "a b", "\"q\"", "it's", "ä", "a\tb", "*", "1e3", "%"}) {
    experiment.output = text;
    experiment.data.path = text;
    recipe::PruneOptions prune;
    prune.exclude = {text};
    recipe::DistillOptions distill;
    distill.teacher.emplace().checkpoint = text;
    recipe::FeatureTerm term;
    term.taps = {{text, text}};
    distill.losses = {term};
    experiment.compression = {prune, distill};
    const train::Experiment again = parse_experiment(to_yaml(experiment), "effective");
    EXPECT_EQ(again.output, text);
    EXPECT_EQ(again.data.path, text);
    EXPECT_EQ(std::get<recipe::PruneOptions>(again.compression[0]).exclude[0], text);
    const auto& distilled = std::get<recipe::DistillOptions>(again.compression[1]);
    EXPECT_EQ(distilled.teacher->checkpoint, text);
    EXPECT_EQ(std::get<recipe::FeatureTerm>(distilled.losses[0]).taps, term.taps);
  }
}

TEST(ConfigRoundTrip, Recipe) {
  const std::string text =
      recipe_to_yaml(load_experiment(std::string(COMPRESS_SOURCE_DIR) + "/configs/digits.yaml").compression);
  EXPECT_EQ(text.find("compression:\n  - prune:\n"), 0);
  EXPECT_EQ(recipe_to_yaml(parse_recipe(text, "again")), text);
}

TEST(ConfigRoundTrip, ModelInOneLine) {
  const std::pair<models::ModelOptions, const char*> cases[] = {
      {models::ConvnetOptions{64}, "{type: convnet, width: 64}"},
      {models::MlpOptions{{300, 100}}, "{type: mlp, hidden: [300, 100]}"},
      {models::MlpOptions{{}}, "{type: mlp, hidden: []}"},
      {models::ResnetOptions{56}, "{type: resnet, depth: 56}"},
  };
  for (const auto& [model, text] : cases) {
    EXPECT_EQ(model_to_yaml(model), text);
    EXPECT_EQ(model_to_yaml(parse_model(text, "file")), text);
  }
  EXPECT_THAT(compress::test::error_of<UsageError>([] { parse_model("{type: convnet, widht: 64}", "m.safetensors"); }),
              testing::StartsWith("m.safetensors:1: model.widht: unknown key of type: convnet; did you mean 'width'?"));
}

}  // namespace
}  // namespace compress::config::test
