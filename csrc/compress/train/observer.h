#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compress/recipe/method.h"
#include "compress/train/training_state.h"

namespace compress::train {

/// Accuracy and mean cross entropy over a data set.
struct Evaluation {
  double accuracy = 0;  ///< share of correct top-1 answers, [0, 1]
  double loss = 0;
};

/// What is known at a log point.
struct StepLog {
  double loss = 0;  ///< of the newest step, whole objective
  double learning_rate = 0;
  double images_per_second = 0;  ///< since the last log point
  recipe::Metrics metrics;       ///< of the methods
};

/// Looks on while a Trainer runs: progress, files, tests. Called between steps, on the trainer's thread.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void on_start(const TrainingState& state, const std::vector<recipe::PlanRow>& plan) {}
  virtual void on_step(const TrainingState& state) {}
  virtual void on_log(const TrainingState& state, const StepLog& log) {}
  virtual void on_evaluation(const TrainingState& state, const Evaluation& evaluation) {}
  virtual void on_checkpoint(const TrainingState& state, const std::filesystem::path& folder) {}
  virtual void on_end(const TrainingState& state) {}
};

}  // namespace compress::train
