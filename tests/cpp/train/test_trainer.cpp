#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compress/core/safetensors.h"
#include "compress/models/weights.h"
#include "compress/train/checkpoint.h"
#include "compress/train/metrics_writer.h"
#include "compress/train/stop_signal.h"
#include "compress/train/trainer.h"
#include "core/temp_folder.h"
#include "train/small_experiment.h"

namespace compress::train {
namespace {

namespace fs = std::filesystem;

NamedTensors copy_state(models::Network& network) {
  NamedTensors result;
  for (const auto& [name, tensor] : models::state_dict(network)) {
    result.emplace_back(name, tensor.detach().clone());
  }
  return result;
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

/// Stops the run as a signal would, after `step`.
struct StopAfter : TrainingObserver {
  explicit StopAfter(int64_t step) : step(step) {}
  void on_step(const TrainingState& state) override {
    if (state.step == step) {
      throw Interrupted(SIGTERM, "stop");
    }
  }
  int64_t step;
};

struct Counter : TrainingObserver {
  void on_log(const TrainingState&, const StepLog& log) override {
    ++logs;
    last = log;
  }
  void on_evaluation(const TrainingState&, const Evaluation& e) override {
    ++evaluations;
    accuracy = e.accuracy;
  }
  void on_checkpoint(const TrainingState&, const fs::path&) override { ++checkpoints; }
  int logs = 0, evaluations = 0, checkpoints = 0;
  double accuracy = 0;
  StepLog last;
};

TEST(Trainer, LearnsAndTellsItsObservers) {
  const test::TempFolder folder;
  Experiment experiment = test::small_experiment();
  experiment.training.duration = Duration::epochs(10);
  experiment.data.augment.shift = 0;  // a moved row is another class
  Trainer trainer(experiment, test::bright_rows(), RunFolder(folder.path()));
  const auto counter = std::make_shared<Counter>();
  trainer.add_observer(counter);
  trainer.run();
  EXPECT_EQ(trainer.state().step, 40);
  EXPECT_EQ(counter->accuracy, 1.0);
  EXPECT_EQ(counter->logs, 20);
  EXPECT_EQ(counter->evaluations, 10);
  EXPECT_EQ(counter->checkpoints, 8);
  EXPECT_EQ(trainer.state().best_accuracy, 1.0);
}

TEST(Trainer, TheSameExperimentGivesTheSameBits) {
  const auto train = [](int64_t seed) {
    const test::TempFolder folder;
    Experiment experiment = test::small_experiment();
    experiment.seed = seed;
    Trainer trainer(experiment, test::bright_rows(), RunFolder(folder.path()));
    trainer.run();
    return copy_state(trainer.network());
  };
  const NamedTensors first = train(1);
  expect_equal(first, train(1));
  EXPECT_FALSE(at::equal(first[0].second, train(2)[0].second));
}

// Every method at work, stopped in each of its phases and just before and after a checkpoint.
TEST(Trainer, ResumeEqualsNoInterruptionBitForBit) {
  for (const bool adamw : {false, true}) {
    for (const bool accumulate : {false, true}) {
      Experiment experiment = test::small_experiment();
      experiment.compression = test::small_recipe();
      if (adamw) {
        experiment.optimizer = optim::AdamwOptions{0.01};
      }
      if (accumulate) {
        experiment.training.gradient_accumulation = 2;
        experiment.training.duration = Duration::epochs(6);
      }
      const test::TempFolder whole;
      Trainer uninterrupted(experiment, test::bright_rows(), RunFolder(whole.path()));
      uninterrupted.run();
      const NamedTensors expected = copy_state(uninterrupted.network());
      for (const int64_t stop : {5, 6, 7, 10, 11}) {
        const test::TempFolder folder;
        const RunFolder run(folder.path());
        {
          Trainer trainer(experiment, test::bright_rows(), run);
          trainer.add_observer(std::make_shared<StopAfter>(stop));
          EXPECT_THROW(trainer.run(), Interrupted);
        }
        if (!run.latest_checkpoint()) {
          continue;  // stopped before the first checkpoint was written
        }
        Trainer trainer(experiment, test::bright_rows(), run);
        trainer.load(*run.latest_checkpoint());
        EXPECT_EQ(trainer.state().step, stop > 10 ? 10 : 5);
        trainer.run();
        expect_equal(copy_state(trainer.network()), expected);
      }
    }
  }
}

TEST(Trainer, ASignalWritesACheckpointAndStops) {
  // The other tests left OpenMP threads behind: a mere fork would wait for them for ever.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const test::TempFolder folder;
  struct Raise : TrainingObserver {
    void on_step(const TrainingState& state) override {
      if (state.step == 3) {
        install_stop_handlers();
        std::raise(SIGTERM);
      }
    }
  };
  Experiment experiment = test::small_experiment();
  // In a process of its own: the request to stop stays for good.
  EXPECT_EXIT(
      {
        const RunFolder run(folder.path());
        Trainer trainer(experiment, test::bright_rows(), run);
        trainer.add_observer(std::make_shared<Raise>());
        try {
          trainer.run();
        } catch (const Interrupted& interrupted) {
          std::_Exit(run.latest_checkpoint()->filename() == "step_00000003" ? interrupted.signal() : 1);
        }
        std::_Exit(0);
      },
      testing::ExitedWithCode(SIGTERM), "");
}

TEST(Trainer, DivergenceNamesStepAndLayerAndWritesNothingMore) {
  const test::TempFolder folder;
  Trainer trainer(test::small_experiment(), test::bright_rows(), RunFolder(folder.path()));
  struct Poison : TrainingObserver {
    explicit Poison(models::Network& network) : network(network) {}
    void on_step(const TrainingState& state) override {
      if (state.step == 3) {
        const at::NoGradGuard no_grad;
        network.named_parameters()["block2.conv.weight"].fill_(std::nanf(""));
      }
    }
    models::Network& network;
  };
  trainer.add_observer(std::make_shared<Poison>(trainer.network()));
  const std::string text = test::error_of<Diverged>([&] { trainer.run(); });
  EXPECT_NE(text.find("at step 3"), std::string::npos) << text;
  EXPECT_NE(text.find("'block2.conv.weight' holds NaN"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(folder / "checkpoints"));
}

TEST(Trainer, ABatchThatOverflowsNamesTheLayerWhoseOutputDoes) {
  Experiment experiment = test::small_experiment();
  const test::TempFolder folder;
  Trainer trainer(experiment, test::bright_rows(), RunFolder(folder.path()));
  {
    const at::NoGradGuard no_grad;
    trainer.network().named_parameters()["head.weight"].fill_(3e38);
  }
  const std::string text = test::error_of<Diverged>([&] { trainer.run(); });
  EXPECT_NE(text.find("at step 0"), std::string::npos) << text;
  EXPECT_NE(text.find("output of layer 'head'"), std::string::npos) << text;
}

TEST(Trainer, OptionsWithoutSenseAreRefused) {
  const auto refused = [](const std::function<void(Experiment&)>& change) {
    const test::TempFolder folder;
    Experiment experiment = test::small_experiment();
    change(experiment);
    return test::error_of<UsageError>([&] { Trainer(experiment, test::bright_rows(), RunFolder(folder.path())); });
  };
  EXPECT_NE(refused([](Experiment& e) { e.training.duration = Duration::percent(50); }).find("training.duration"),
            std::string::npos);
  EXPECT_NE(refused([](Experiment& e) { e.training.duration = Duration::steps(0); }).find("no steps"),
            std::string::npos);
}

TEST(Trainer, AutocastTrainsInBfloat16AndKeepsParametersFloat32) {
  const test::TempFolder folder;
  Experiment experiment = test::small_experiment();
  experiment.compression = test::small_recipe();
  experiment.training.precision = Precision::bfloat16;
  experiment.data.augment.shift = 0;
  experiment.training.duration = Duration::epochs(10);
  Trainer trainer(experiment, test::bright_rows(), RunFolder(folder.path()));
  const auto counter = std::make_shared<Counter>();
  trainer.add_observer(counter);
  trainer.run();
  EXPECT_GE(counter->accuracy, 0.9);
  for (const at::Tensor& parameter : trainer.network().parameters()) {
    EXPECT_EQ(parameter.scalar_type(), at::kFloat);
  }
}

TEST(Checkpoint, KeepsTheNewestAndRefusesDamage) {
  const test::TempFolder folder;
  const RunFolder run(folder.path());
  Experiment experiment = test::small_experiment();
  experiment.training.checkpoint_every = Duration::steps(1);
  experiment.training.keep_checkpoints = 3;
  {
    Trainer trainer(experiment, test::bright_rows(), run);
    trainer.run();
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(run.checkpoints()), {}), 3 + 1) << "three folders and `latest`";
  const fs::path newest = *run.latest_checkpoint();
  EXPECT_EQ(newest.filename(), "step_00000012");
  for (const auto& entry : load_safetensors(newest / "model.safetensors").tensors) {
    EXPECT_TRUE(entry.second.isfinite().all().item<bool>());
  }
  const auto load_error = [&] {
    Trainer trainer(experiment, test::bright_rows(), run);
    return test::error_of<Error>([&] { trainer.load(newest); });
  };
  EXPECT_EQ(load_error(), "");
  fs::resize_file(newest / "optimizer.safetensors", 100);
  EXPECT_NE(load_error().find("optimizer.safetensors"), std::string::npos);
  std::ofstream(newest / "state.json") << "{";
  EXPECT_NE(load_error().find("state.json"), std::string::npos);
  experiment.training.duration = Duration::epochs(4);
  std::ofstream(newest / "state.json") << R"({"version": 1, "step": 12, "total_steps": 12, "steps_per_epoch": 4})";
  EXPECT_NE(load_error().find("run of 12 steps"), std::string::npos);
  fs::remove_all(newest);
  EXPECT_NE(test::error_of<Error>([&] { run.latest_checkpoint(); }).find("step_00000012"), std::string::npos);
}

TEST(MetricsWriter, AResumedRunContinuesTheFileWithoutGapsOrDoubles) {
  const test::TempFolder folder;
  const RunFolder run(folder.path());
  const Experiment experiment = test::small_experiment();
  {
    Trainer trainer(experiment, test::bright_rows(), run);
    trainer.add_observer(std::make_shared<MetricsWriter>(run.metrics()));
    trainer.add_observer(std::make_shared<StopAfter>(9));
    EXPECT_THROW(trainer.run(), Interrupted);
  }
  std::ofstream(run.metrics(), std::ios::app) << "{\"event\": \"st";  // cut off by the crash
  Trainer trainer(experiment, test::bright_rows(), run);
  trainer.load(*run.latest_checkpoint());
  trainer.add_observer(std::make_shared<MetricsWriter>(run.metrics()));
  trainer.run();
  std::vector<int64_t> steps;
  std::ifstream lines(run.metrics());
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json["event"] == "step") {
      steps.push_back(json["step"]);
      EXPECT_GT(json["images_per_second"].get<double>(), 0);
    }
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{2, 4, 6, 8, 10, 12}));
}

TEST(RunFolder, RefusesToOverwriteARun) {
  const test::TempFolder folder;
  const RunFolder run(folder / "x");
  run.create_new();
  run.create_new();  // an empty folder is no run
  std::ofstream(run.config()) << "name: x\n";
  const std::string text = test::error_of<UsageError>([&] { run.create_new(); });
  EXPECT_NE(text.find("--resume"), std::string::npos) << text;
  EXPECT_FALSE(run.finished());
}

}  // namespace
}  // namespace compress::train
