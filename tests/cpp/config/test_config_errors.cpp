#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace compress::config::test {
namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(ConfigErrors, UnknownKeyNamesPlacePathNearestAndAllowed) {
  const std::string yaml =
      "data: {type: digits}\nmodel: {type: convnet}\ncompression:\n  - prune:\n      sparsty: 0.9\n";
  EXPECT_THAT(compress::test::error_of<UsageError>([&] { parse_experiment(yaml, "configs/x.yaml"); }),
              Eq("configs/x.yaml:5: compression[0].prune.sparsty: unknown key; did you mean 'sparsity'? (allowed: "
                 "pattern, criterion, scope, sparsity, schedule, include, exclude)"));
  EXPECT_THAT(error("trainin: {}\n"), StartsWith("x.yaml:3: trainin: unknown key; did you mean 'training'?"));
  EXPECT_THAT(error("qqqqqqqq: 1\n"), StartsWith("x.yaml:3: qqqqqqqq: unknown key (allowed: name, output,"));
}

TEST(ConfigErrors, UnknownKeyOfAnAlternativeNamesTheAlternative) {
  EXPECT_EQ(
      error("optimizer: {type: sgd, beta1: 0.9}\n"),
      "x.yaml:3: optimizer.beta1: unknown key of type: sgd (allowed: type, lr, momentum, nesterov, weight_decay)");
}

TEST(ConfigErrors, UnknownMethod) {
  EXPECT_EQ(
      method_error("quantise: {}"),
      "r.yaml:2: compression[0].quantise: unknown key; did you mean 'quantize'? (allowed: prune, quantize, distill)");
}

TEST(ConfigErrors, MethodsThatAreNoBlocksOfOneKey) {
  EXPECT_EQ(method_error("prune: {}\n  quantize: {}"),
            "r.yaml:2: compression[0]: expected one block of prune, quantize, distill, as '- prune: {...}' "
            "(got 2 keys; each begins with its own '-')");
  EXPECT_THAT(method_error("prune"), HasSubstr("expected one block of prune, quantize, distill"));
  EXPECT_THAT(error("compression: {prune: {}}\n"),
              Eq("x.yaml:3: compression: expected a list (got a block of keys); begin each item with '- '"));
}

TEST(ConfigErrors, WrongTypes) {
  const std::pair<const char*, const char*> cases[] = {
      {"name: [a]", "x.yaml:3: name: expected a string (got a list)"},
      {"name: ''", "x.yaml:3: name: is empty"},
      {"name:", "x.yaml:3: name: expected a string (got nothing)"},
      {"seed: lots", "x.yaml:3: seed: expected a whole number (got 'lots')"},
      {"seed: 1.5", "x.yaml:3: seed: expected a whole number (got '1.5')"},
      {"seed: 99999999999999999999", "x.yaml:3: seed: expected a whole number (got '99999999999999999999')"},
      {"seed: {a: 1}", "x.yaml:3: seed: expected a whole number (got a block of keys)"},
      {"device: [cpu]", "x.yaml:3: device: expected one of automatic, cpu, cuda (got a list)"},
      {"training: 5", "x.yaml:3: training: expected a block of keys (got '5')"},
      {"training: {clip_norm: big}", "x.yaml:3: training.clip_norm: expected a number (got 'big')"},
      {"training: {clip_norm: .nan}", "x.yaml:3: training.clip_norm: expected a number (got '.nan')"},
      {"training: {clip_norm: nan}", "x.yaml:3: training.clip_norm: expected a number (got 'nan')"},
      {"training: {clip_norm: inf}", "x.yaml:3: training.clip_norm: expected a number (got 'inf')"},
      {"report: {baseline: maybe}", "x.yaml:3: report.baseline: expected true or false (got 'maybe')"},
      {"report: {baseline: []}", "x.yaml:3: report.baseline: expected true or false (got a list)"},
      {"optimizer: sgd", "x.yaml:3: optimizer: expected a block with a key 'type' (got 'sgd')"},
      {"training: {duration: [1]}", "x.yaml:3: training.duration: expected a duration (got a list)"},
      {"training: {duration: long}",
       "x.yaml:3: training.duration: 'long' is not a duration; write 60% of the run, 20e epochs, or a number of steps"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_EQ(error(yaml), message);
  }
  EXPECT_EQ(method_error("prune: {sparsity: lots}"),
            "r.yaml:2: compression[0].prune.sparsity: expected a number (got 'lots')");
  EXPECT_EQ(method_error("prune: {exclude: head}"),
            "r.yaml:2: compression[0].prune.exclude: expected a list (got 'head'); write [head]");
  EXPECT_EQ(method_error("prune: {exclude: [[head]]}"),
            "r.yaml:2: compression[0].prune.exclude[0]: expected a string (got a list)");
}

TEST(ConfigErrors, OutOfRange) {
  const std::pair<const char*, const char*> cases[] = {
      {"seed: -1", "seed: out of range: got -1, allowed >= 0"},
      {"threads: 5000", "threads: out of range: got 5000, allowed [0, 4096]"},
      {"optimizer: {type: sgd, lr: 0}", "optimizer.lr: out of range: got 0, allowed > 0"},
      {"optimizer: {type: sgd, momentum: 1}", "optimizer.momentum: out of range: got 1, allowed [0, 1)"},
      {"optimizer: {type: adamw, beta2: 1.0}", "optimizer.beta2: out of range: got 1.0, allowed [0, 1)"},
      {"learning_rate: {final_fraction: 1.5}", "learning_rate.final_fraction: out of range: got 1.5, allowed [0, 1]"},
      {"learning_rate: {decay: step, factor: 0}", "learning_rate.factor: out of range: got 0, allowed (0, 1]"},
      {"training: {duration: 0}", "training.duration: out of range: got 0, allowed > 0"},
      {"training: {keep_checkpoints: 0}", "training.keep_checkpoints: out of range: got 0, allowed >= 1"},
      {"training: {evaluate_every: 101%}", "training.evaluate_every: a duration is at most 100% (got 101%)"},
      {"learning_rate: {warmup: -1}", "learning_rate.warmup: a duration cannot be negative (got -1)"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_EQ(error(yaml), std::string("x.yaml:3: ") + message);
  }
  EXPECT_EQ(method_error("prune: {sparsity: 1.5}"),
            "r.yaml:2: compression[0].prune.sparsity: out of range: got 1.5, allowed [0, 1)");
  EXPECT_EQ(method_error("quantize: {activation: {observer: percentile, percentile: 50}}"),
            "r.yaml:2: compression[0].quantize.activation.percentile: out of range: got 50, allowed (50, 100]");
  EXPECT_EQ(method_error("distill: {teacher: {model: {type: mlp, hidden: [10, 0]}, checkpoint: t}}"),
            "r.yaml:2: compression[0].distill.teacher.model.hidden[1]: out of range: got 0, allowed >= 1");
}

TEST(ConfigErrors, UnknownNames) {
  EXPECT_EQ(
      method_error("prune: {scope: globl}"),
      "r.yaml:2: compression[0].prune.scope: 'globl' is unknown, did you mean 'global'? (allowed: layer, global)");
  EXPECT_EQ(error("optimizer: {type: adam}"),
            "x.yaml:3: optimizer.type: 'adam' is unknown, did you mean 'adamw'? (allowed: sgd, adamw)");
  EXPECT_EQ(method_error("quantize: {weight: {format: int9}}"),
            "r.yaml:2: compression[0].quantize.weight.format: 'int9' is unknown, did you mean 'int2'? (allowed: int2, "
            "int3, int4, int5, int6, int7, int8)");
  EXPECT_THAT(method_error("distill: {teacher: {model: {type: mlp}, checkpoint: t}, losses: [{type: mse}]}"),
              HasSubstr("losses[0].type: 'mse' is unknown (allowed: kl, feature)"));
}

TEST(ConfigErrors, MissingKeys) {
  const auto experiment_error = [](const std::string& yaml) {
    return compress::test::error_of<UsageError>([&] { parse_experiment(yaml, "x.yaml"); });
  };
  EXPECT_EQ(experiment_error("data: {type: digits}"), "x.yaml:1: lacks the required key 'model'");
  EXPECT_EQ(experiment_error("model: {type: mlp}"), "x.yaml:1: lacks the required key 'data'");
  EXPECT_EQ(experiment_error("data: {}\nmodel: {type: mlp}"), "x.yaml:1: data: lacks the required key 'type'");
  EXPECT_EQ(experiment_error("data: {type: digits}\nmodel:\n  width: 24\n"),
            "x.yaml:2: model: lacks the required key 'type' (allowed: convnet, mlp, resnet)");
  EXPECT_EQ(method_error("distill: {}"), "") << "a recipe alone may leave its teacher to the caller";
  EXPECT_EQ(experiment_error("data: {type: digits}\nmodel: {type: mlp}\ncompression:\n  - distill: {}\n"),
            "x.yaml:4: compression[0].distill: lacks the required key 'teacher'");
  EXPECT_EQ(method_error("distill: {teacher: {model: {type: mlp}}}"),
            "r.yaml:2: compression[0].distill.teacher: lacks the required key 'checkpoint'");
  EXPECT_THAT(method_error("distill: {teacher: {model: {type: mlp}, checkpoint: t}, losses: [{type: feature}]}"),
              HasSubstr("losses[0]: lacks the required key 'taps'"));
  EXPECT_EQ(method_error("quantize: {weight: {granularity: group}}"),
            "r.yaml:2: compression[0].quantize.weight: lacks the required key 'group_size'");
}

TEST(ConfigErrors, AMisspeltRequiredKeyIsNamedAsUnknown) {
  EXPECT_THAT(method_error("distill: {teacher: {model: {type: mlp}, checkpont: t}}"),
              HasSubstr("checkpont: unknown key; did you mean 'checkpoint'?"));
  EXPECT_THAT(error("optimizer: {typ: sgd}"), HasSubstr("optimizer.typ: unknown key; did you mean 'type'?"));
}

TEST(ConfigErrors, KeysOfAnotherChoice) {
  const std::pair<const char*, const char*> cases[] = {
      {"prune: {schedule: {type: constant, every: 5}}", "prune.schedule.every: is a key only where type: cubic"},
      {"prune: {schedule: {type: constant, end: 5}}", "prune.schedule.end: is a key only where type: cubic"},
      {"quantize: {weight: {group_size: 5}}", "quantize.weight.group_size: is a key only where granularity: group"},
      {"quantize: {weight: {averaging: 0.1}}",
       "quantize.weight.averaging: is a key only where observer: moving_average or percentile"},
      {"quantize: {activation: {percentile: 99}}",
       "quantize.activation.percentile: is a key only where observer: percentile"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_EQ(method_error(yaml), std::string("r.yaml:2: compression[0].") + message);
  }
  EXPECT_EQ(error("learning_rate: {decay: cosine, factor: 0.5}"),
            "x.yaml:3: learning_rate.factor: is a key only where decay: step");
}

TEST(ConfigErrors, RulesBetweenKeys) {
  const std::pair<const char*, const char*> cases[] = {
      {"prune: {schedule: {start: 50%, end: 40%}}", "prune.schedule.end: must not lie before start (got 40% and 50%)"},
      {"prune: {sparsity: 0.5, schedule: {initial: 0.6}}",
       "prune.schedule.initial: must not be above sparsity (got 0.6 and 0.5)"},
      {"quantize: {weight: none, activation: none}",
       "quantize.activation: weight and activation are both 'none'; nothing is left to quantize"},
      {"quantize: {activation: {granularity: group}}",
       "quantize.activation.granularity: 'group' is for weights; an activation takes tensor or channel"},
      {"quantize: {start: 50%, freeze_observers: 50%}",
       "quantize.freeze_observers: must come after start (got 50% and 50%)"},
      {"distill: {teacher: {model: {type: mlp}, checkpoint: t}, losses: []}",
       "distill.losses: needs at least one term, as [{type: kl}]"},
      {"distill: {teacher: {model: {type: mlp}, checkpoint: t}, losses: [{type: feature, taps: {}}]}",
       "distill.losses[0].taps: needs at least one pair, as {block3: block3}"},
      {"distill: {teacher: {model: {type: convnet, width: 25}, checkpoint: t}}",
       "distill.teacher.model.width: must be even (got 25)"},
      {"distill: {teacher: {model: {type: resnet, depth: 21}, checkpoint: t}}",
       "distill.teacher.model.depth: out of range: got 21, allowed 20, 32, 56 (CIFAR) and 18, 50 (ImageNet)"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_EQ(method_error(yaml), std::string("r.yaml:2: compression[0].") + message);
  }
  EXPECT_EQ(error("training: {duration: 50%}"),
            "x.yaml:3: training.duration: a run has no length in percent of itself (got 50%); write 30e or 5000");
  EXPECT_EQ(error("name: a/b"), "x.yaml:3: name: must be the name of a folder, without '/' (got 'a/b')");
  EXPECT_EQ(error("optimizer: {type: sgd, momentum: 0, nesterov: true}"),
            "x.yaml:3: optimizer.nesterov: needs a momentum above 0");
}

TEST(ConfigErrors, DurationsOfDifferentUnitsHaveNoOrderYet) {
  EXPECT_EQ(method_error("prune: {schedule: {start: 20e, end: 50%}}"), "");
  EXPECT_EQ(method_error("quantize: {start: 20e, freeze_observers: 50%}"), "");
}

TEST(ConfigErrors, OneOfEachMethod) {
  for (const char* method : {"prune: {}", "quantize: {}", "distill: {teacher: {model: {type: mlp}, checkpoint: t}}"}) {
    const std::string yaml = std::string("- ") + method + "\n";
    const std::string name(method, std::string_view(method).find(':'));
    EXPECT_EQ(compress::test::error_of<UsageError>([&] { parse_recipe(yaml, "r.yaml"); }), "");
    EXPECT_EQ(compress::test::error_of<UsageError>([&] { parse_recipe(yaml + yaml, "r.yaml"); }),
              "r.yaml:2: compression[1]: is a second '" + name + "' block; a recipe has one of each method at most");
  }
}

TEST(ConfigErrors, KeysGivenTwice) {
  EXPECT_EQ(error("seed: 1\nname: a\nseed: 2\n"), "x.yaml:5: seed: is given twice (first at x.yaml:3)");
  EXPECT_EQ(method_error("prune: {sparsity: 0.1, sparsity: 0.2}"),
            "r.yaml:2: compression[0].prune.sparsity: is given twice (first at r.yaml:2)");
}

TEST(ConfigErrors, NotYaml) {
  EXPECT_THAT(error("training: {duration: 5e\nname: [a\n"), testing::ContainsRegex("^x.yaml:[345]: not valid YAML: "));
  EXPECT_THAT(error("\tname: a\n"), StartsWith("x.yaml:"));
  EXPECT_THAT(error("---\nname: a\n"), Eq("x.yaml: holds 2 YAML documents, expected one"));
  EXPECT_THAT(error("? [a]\n: 1\n"), StartsWith("x.yaml:3: a key must be a word"));
  EXPECT_THAT(error("report: &a {baseline: *a}\n"), Eq("x.yaml:3: blocks are nested more than 40 deep"));
}

TEST(ConfigErrors, NoBlockAtTheTop) {
  EXPECT_EQ(compress::test::error_of<UsageError>([] { parse_experiment("- a\n", "x.yaml"); }),
            "x.yaml:1: expected a block of keys (got a list)");
  EXPECT_EQ(compress::test::error_of<UsageError>([] { parse_recipe("prune", "r.yaml"); }),
            "r.yaml:1: expected a block of keys (got 'prune')");
}

TEST(ConfigErrors, Files) {
  const compress::test::TempFolder folder;
  const auto load_error = [](const std::filesystem::path& file) {
    return compress::test::error_of<UsageError>([&] { load_experiment(file); });
  };
  EXPECT_EQ(load_error(folder / "none.yaml"), (folder / "none.yaml").string() + ": no such file");
  EXPECT_EQ(load_error(folder.path()), folder.path().string() + ": is a folder; give a YAML file");
  const std::filesystem::path empty = folder.write("empty.yaml", "# nothing but a comment\n");
  EXPECT_EQ(load_error(empty), empty.string() + ": is empty; docs/config.md lists what a config holds");
  const std::filesystem::path wrong = folder.write("wrong.yaml", minimal + "sed: 1\n");
  EXPECT_THAT(load_error(wrong), StartsWith(wrong.string() + ":3: sed: unknown key; did you mean 'seed'?"));
}

TEST(ConfigErrors, EveryMessageIsOneLine) {
  for (const char* yaml : {"name: |\n  a\n  b/c\n", "seed: \"a\\nb\"\n", "device: \"c\\npu\"\n", "\"a\\nb\": 1\n"}) {
    EXPECT_THAT(error(yaml), Not(HasSubstr("\n"))) << yaml;
    EXPECT_THAT(error(yaml), HasSubstr("text of more than one line")) << yaml;
  }
}

}  // namespace
}  // namespace compress::config::test
