#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "compress/train/log.h"
#include "compress/train/observer.h"

namespace compress::train {

/// Shows a person how a run goes: a bar on a terminal, else a line at each tenth of the run.
class Progress : public TrainingObserver {
 public:
  /// `title` names the run in every line ("teacher", "student").
  Progress(std::shared_ptr<Log> log, std::string title) : log_(std::move(log)), title_(std::move(title)) {}

  void on_start(const TrainingState& state, const std::vector<recipe::PlanRow>& plan) override;
  void on_step(const TrainingState& state) override;
  void on_log(const TrainingState& state, const StepLog& log) override { newest_ = log; }
  void on_evaluation(const TrainingState& state, const Evaluation& evaluation) override { evaluation_ = evaluation; }
  void on_end(const TrainingState& state) override;

 private:
  std::string numbers(const TrainingState& state) const;

  using Clock = std::chrono::steady_clock;
  std::shared_ptr<Log> log_;
  std::string title_;
  Clock::time_point begin_, drawn_;
  int64_t first_step_ = 0;
  std::optional<StepLog> newest_;
  std::optional<Evaluation> evaluation_;
};

}  // namespace compress::train
