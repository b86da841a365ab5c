#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace compress::config::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string recipe = R"(
seed: 1
compression:
  - quantize: {weight: none}
  - prune: {sparsity: 0.5}
)";

TEST(ConfigOverrides, ReplaceWhatTheFileHas) {
  EXPECT_EQ(parse(recipe, {"seed=5"}).seed, 5);
  EXPECT_EQ(parse(recipe, {"seed=5", "seed=6"}).seed, 6);
  const train::Experiment experiment = parse(recipe, {"compression.1.prune.sparsity=0.8"});
  EXPECT_EQ(std::get<recipe::PruneOptions>(experiment.compression[1]).sparsity, 0.8);
}

TEST(ConfigOverrides, FindMethodsByName) {
  const train::Experiment experiment = parse(recipe, {"compression.prune.schedule.end=10e"});
  EXPECT_EQ(std::get<recipe::PruneOptions>(experiment.compression[1]).schedule.end, Duration::epochs(10));
}

TEST(ConfigOverrides, AddWhatTheFileLacks) {
  EXPECT_EQ(parse(recipe, {"training.duration=3e"}).training.duration, Duration::epochs(3));
  EXPECT_TRUE(parse(recipe, {"data.augment.flip=true"}).data.augment.flip);
}

TEST(ConfigOverrides, ValuesAreYaml) {
  const train::Experiment experiment =
      parse(recipe, {"optimizer={type: adamw, lr: 0.01}", "compression.prune.exclude=[head, 'a=b']"});
  EXPECT_EQ(std::get<optim::AdamwOptions>(experiment.optimizer).lr, 0.01);
  EXPECT_THAT(std::get<recipe::PruneOptions>(experiment.compression[1]).exclude, testing::ElementsAre("head", "a=b"));
  EXPECT_TRUE(parse(recipe, {"compression=[]"}).compression.empty());
}

TEST(ConfigOverrides, ErrorsNameTheOverride) {
  const std::pair<const char*, const char*> cases[] = {
      {"seed", "--set seed: expected key.path=value"},
      {"=3", "--set =3: expected key.path=value"},
      {"training..duration=3", "--set training..duration=3: a key is empty; write key.path=value"},
      {"seed=many", "--set seed=many: seed: expected a whole number (got 'many')"},
      {"seed=", "--set seed=: seed: expected a whole number (got nothing)"},
      {"seed.x=1", "--set seed.x=1: seed is '1', which has no keys; set it as a whole: seed={x: ...}"},
      {"compression.0.quantize.weight.format=int4",
       "--set compression.0.quantize.weight.format=int4: compression[0].quantize.weight is 'none', which has no keys; "
       "set it as a whole: compression[0].quantize.weight={format: ...}"},
      {"compression.7.prune.sparsity=0.1",
       "--set compression.7.prune.sparsity=0.1: compression has 2 items, counted from 0 (got 7)"},
      {"compression.distill.task_weight=2",
       "--set compression.distill.task_weight=2: compression is a list without a 'distill' block; give an item's "
       "index, counted from 0: compression.0"},
      {"compression.1.prune.sparsity=2",
       "--set compression.1.prune.sparsity=2: compression[1].prune.sparsity: out of range: got 2, allowed [0, 1)"},
  };
  for (const auto& [assignment, message] : cases) {
    EXPECT_EQ(error(recipe, {assignment}), message);
  }
  EXPECT_THAT(error(recipe, {"trainin.duration=3e"}),
              StartsWith("--set trainin.duration=3e: trainin: unknown key; did you mean 'training'?"));
  EXPECT_THAT(error(recipe, {"compression.1.prune.sparsty=0.8"}),
              HasSubstr("compression[1].prune.sparsty: unknown key; did you mean 'sparsity'?"));
  EXPECT_THAT(error(recipe, {"seed=[1"}), StartsWith("--set seed=[1: not valid YAML: "));
}

}  // namespace
}  // namespace compress::config::test
