#pragma once

#include <fstream>

#include "compress/train/observer.h"

namespace compress::train {

/// metrics.jsonl: one JSON object per log point, evaluation and checkpoint, each with `event`, `step` and `epoch`.
/// Lines after the step that a run resumes from are dropped first: they are about to be written again.
class MetricsWriter : public TrainingObserver {
 public:
  explicit MetricsWriter(std::filesystem::path file) : path_(std::move(file)) {}

  void on_start(const TrainingState& state, const std::vector<recipe::PlanRow>& plan) override;
  void on_log(const TrainingState& state, const StepLog& log) override;
  void on_evaluation(const TrainingState& state, const Evaluation& evaluation) override;
  void on_checkpoint(const TrainingState& state, const std::filesystem::path& folder) override;

 private:
  void write(const std::string& line);

  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace compress::train
