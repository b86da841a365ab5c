#pragma once

#include <pybind11/pybind11.h>

#include <chrono>

#include "compress/train/observer.h"

namespace compress::bindings {

/// {"step", "epoch", "total_steps", "steps_per_epoch", "best_accuracy"}. Needs the GIL.
pybind11::dict dict_from_state(const train::TrainingState& state);
/// {"accuracy", "loss"}. Needs the GIL.
pybind11::dict dict_from_evaluation(const train::Evaluation& evaluation);

/// Lets Python look on while a Trainer runs without the GIL. An exception of a callback, and KeyboardInterrupt where
/// the run is on the main thread, leave Trainer::run as py::error_already_set.
class CallbackObserver : public train::TrainingObserver {
 public:
  /// Callables that take a dict; None = not called. Needs the GIL, as does clear().
  void set(pybind11::object on_log, pybind11::object on_evaluation);
  void clear();

  void on_step(const train::TrainingState& state) override;
  void on_log(const train::TrainingState& state, const train::StepLog& log) override;
  void on_evaluation(const train::TrainingState& state, const train::Evaluation& evaluation) override;

 private:
  pybind11::object on_log_, on_evaluation_;  ///< null where there is none
  std::chrono::steady_clock::time_point next_check_;
};

}  // namespace compress::bindings
