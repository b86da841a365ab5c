#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/data/evaluation.h"
#include "compress/job/job.h"
#include "compress/job/model_file.h"
#include "compress/train/trainer.h"
#include "core/temp_folder.h"
#include "train/small_experiment.h"

namespace compress::job {
namespace {

namespace fs = std::filesystem;

// The data set `digits` in small: written as scripts/prepare_digits.py writes it.
void write_digits(const fs::path& folder) {
  const data::DatasetPair rows = test::bright_rows();
  fs::create_directories(folder);
  save_safetensors(folder / "digits.safetensors",
                   {{"images", at::cat({rows.train.images, rows.test.images}).squeeze(1)},
                    {"targets", at::cat({rows.train.targets, rows.test.targets})},
                    {"split", at::cat({at::zeros({64}, at::kByte), at::ones({32}, at::kByte)})}});
}

train::Experiment whole_experiment(const test::TempFolder& folder) {
  train::Experiment experiment = test::small_experiment();
  experiment.output = (folder / "runs").string();
  experiment.name = "whole";
  experiment.data.path = (folder / "digits").string();
  experiment.compression = test::small_recipe();
  recipe::DistillOptions distill;
  distill.teacher = recipe::TeacherOptions{models::ConvnetOptions{16}, (folder / "runs" / "teacher").string(), true};
  experiment.compression.push_back(distill);
  experiment.report.baseline = true;
  write_digits(folder / "digits");
  return experiment;
}

TEST(Job, OneCallLeavesModelsReportAndNothingHalfDone) {
  const test::TempFolder folder;
  const train::Experiment experiment = whole_experiment(folder);
  run_experiment(experiment, false);
  const fs::path run = run_folder(experiment).path();
  for (const char* name : {"config.yaml", "metrics.jsonl", "log.txt", "model.safetensors", "report.json", "report.md",
                           "checkpoints/latest", "baseline/model.safetensors", "../teacher/model.safetensors"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  const auto report = nlohmann::json::parse(std::ifstream(run / "report.json"));
  for (const char* model : {"float", "teacher", "compressed"}) {
    for (const char* key : {"accuracy", "parameters", "nonzero_parameters", "bytes_on_disk", "latency_ms"}) {
      EXPECT_TRUE(report[model].contains(key)) << model << " " << key;
    }
  }
  EXPECT_EQ(report["compressed"]["bytes_on_disk"], fs::file_size(run / "model.safetensors"));
  EXPECT_LT(report["compressed"]["bytes_on_disk"], report["float"]["bytes_on_disk"]);
  EXPECT_NEAR(report["sparsity"].get<double>(), 0.5, 0.01);
  EXPECT_FALSE(report["verdict"].get<std::string>().empty());
  EXPECT_NE(test::error_of<UsageError>([&] { run_experiment(experiment, false); }).find("--resume"), std::string::npos);
  run_experiment(experiment, true);  // all is finished: only the report is made again
  train::Experiment other = experiment;
  other.seed = 1;
  const std::string text = test::error_of<UsageError>([&] { run_experiment(other, true); });
  EXPECT_NE(text.find("'seed: 0' became 'seed: 1'"), std::string::npos) << text;
}

TEST(Job, TheDeployedFileAnswersAsTheTrainedNetworkBitForBit) {
  const test::TempFolder folder;
  train::Experiment experiment = test::small_experiment();
  experiment.compression = test::small_recipe();
  const data::DatasetPair data = test::bright_rows();
  train::Trainer trainer(experiment, data, train::RunFolder(folder.path()));
  trainer.run();
  save_model(folder / "model.safetensors", trainer.network(), {experiment.model, trainer.shape()});
  const LoadedModel loaded = load_model(folder / "model.safetensors");
  EXPECT_TRUE(loaded.packed);
  trainer.network().eval();
  const at::NoGradGuard no_grad;
  data::for_each_batch(data.test, 32, [&](const at::Tensor& input, const at::Tensor&) {
    EXPECT_TRUE(at::equal(loaded.network->forward(input), trainer.network().forward(input)));
  });
}

TEST(Job, AFloatModelIsAnOrdinaryStateDict) {
  const test::TempFolder folder;
  const auto network = models::make_network(models::MlpOptions{{8}}, {1, 8, 8, 4});
  save_model(folder / "m.safetensors", *network, {models::MlpOptions{{8}}, {1, 8, 8, 4}});
  const LoadedModel loaded = load_model(folder / "m.safetensors");
  EXPECT_FALSE(loaded.packed);
  EXPECT_TRUE(at::equal(loaded.network->parameters()[0], network->parameters()[0]));
  save_safetensors(folder / "other.safetensors", {{"x", at::ones({1})}});
  EXPECT_NE(test::error_of<Error>([&] { load_model(folder / "other.safetensors"); }).find("does not say"),
            std::string::npos);
}

TEST(Job, ARecipeThatDoesNotFitFailsBeforeAnythingIsTrainedOrWritten) {
  const test::TempFolder folder;
  train::Experiment experiment = whole_experiment(folder);
  std::get<recipe::PruneOptions>(experiment.compression[0]).exclude = {"haed"};
  EXPECT_NE(test::error_of<UsageError>([&] { run_experiment(experiment, false); }).find("did you mean 'head'?"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder / "runs"));
}

TEST(Job, AMissingTeacherIsToldBeforeAnythingIsWritten) {
  const test::TempFolder folder;
  train::Experiment experiment = whole_experiment(folder);
  std::get<recipe::DistillOptions>(experiment.compression[2]).teacher->train = false;
  const std::string text = test::error_of<UsageError>([&] { run_experiment(experiment, false); });
  EXPECT_NE(text.find("distill.teacher.checkpoint"), std::string::npos) << text;
  EXPECT_NE(text.find("distill.teacher.train: true"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(folder / "runs"));
}

TEST(Job, ATeacherCutOffBeforeItsFirstCheckpointIsTrainedAnew) {
  const test::TempFolder folder;
  const train::Experiment experiment = whole_experiment(folder);
  fs::create_directories(folder / "runs" / "teacher");
  std::ofstream(folder / "runs" / "teacher" / "metrics.jsonl") << "{\"event\": \"st";
  run_experiment(experiment, false);
  EXPECT_TRUE(fs::exists(folder / "runs" / "teacher" / "model.safetensors"));
}

TEST(Job, ATeachersCheckpointFolderOrFileServesToTheReport) {
  const test::TempFolder folder;
  train::Experiment experiment = whole_experiment(folder);
  experiment.report.baseline = false;
  run_experiment(experiment, false);
  const fs::path checkpoints = folder / "runs" / "teacher" / "checkpoints";
  for (const fs::path& teacher : {checkpoints / "step_00000012", checkpoints / "step_00000012" / "model.safetensors"}) {
    experiment.name = teacher.filename().string();
    std::get<recipe::DistillOptions>(experiment.compression[2]).teacher->checkpoint = teacher.string();
    run_experiment(experiment, false);
    const auto report = nlohmann::json::parse(std::ifstream(run_folder(experiment).path() / "report.json"));
    EXPECT_TRUE(report.contains("teacher")) << teacher;
  }
}

TEST(Job, LengthsOfNoStepsFailBeforeAnythingIsWritten) {
  const test::TempFolder folder;
  train::Experiment experiment = whole_experiment(folder);
  std::get<recipe::DistillOptions>(experiment.compression[2]).teacher->duration = Duration::steps(0);
  EXPECT_NE(test::error_of<UsageError>([&] { run_experiment(experiment, false); }).find("distill.teacher.duration"),
            std::string::npos);
  experiment = whole_experiment(folder);
  experiment.learning_rate.decay = optim::Decay::step;
  experiment.learning_rate.every = Duration::steps(0);
  EXPECT_NE(test::error_of<UsageError>([&] { run_experiment(experiment, false); }), "");
  EXPECT_FALSE(fs::exists(folder / "runs"));
}

TEST(Job, NothingToResumeIsSaid) {
  const test::TempFolder folder;
  const train::Experiment experiment = whole_experiment(folder);
  EXPECT_NE(test::error_of<UsageError>([&] { run_experiment(experiment, true); }).find("holds no run to resume"),
            std::string::npos);
}

}  // namespace
}  // namespace compress::job
