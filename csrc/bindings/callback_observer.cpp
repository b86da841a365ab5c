#include "bindings/callback_observer.h"

#include <torch/extension.h>

namespace compress::bindings {

namespace py = pybind11;

namespace {

// Asking for signals takes the GIL, for which a busy Python thread may let us wait 5 ms: not at every step.
constexpr std::chrono::milliseconds between_checks{50};

py::object callable_or_null(py::object callback) {
  return callback.is_none() ? py::object() : std::move(callback);
}

}  // namespace

py::dict dict_from_state(const train::TrainingState& state) {
  py::dict result;
  result["step"] = state.step;
  result["epoch"] = state.epoch();
  result["total_steps"] = state.run.total_steps;
  result["steps_per_epoch"] = state.run.steps_per_epoch;
  result["best_accuracy"] = state.best_accuracy;
  return result;
}

py::dict dict_from_evaluation(const train::Evaluation& evaluation) {
  py::dict result;
  result["accuracy"] = evaluation.accuracy;
  result["loss"] = evaluation.loss;
  return result;
}

void CallbackObserver::set(py::object on_log, py::object on_evaluation) {
  on_log_ = callable_or_null(std::move(on_log));
  on_evaluation_ = callable_or_null(std::move(on_evaluation));
}

void CallbackObserver::clear() {
  on_log_ = py::object();
  on_evaluation_ = py::object();
}

void CallbackObserver::on_step(const train::TrainingState& state) {
  if (std::chrono::steady_clock::now() < next_check_) {
    return;
  }
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) {
    throw py::error_already_set();
  }
  next_check_ = std::chrono::steady_clock::now() + between_checks;
}

void CallbackObserver::on_log(const train::TrainingState& state, const train::StepLog& log) {
  if (!on_log_) {
    return;
  }
  const py::gil_scoped_acquire gil;
  py::dict values = dict_from_state(state);
  values["loss"] = log.loss;
  values["learning_rate"] = log.learning_rate;
  values["images_per_second"] = log.images_per_second;
  for (const auto& [name, value] : log.metrics) {
    values[py::str(name)] = value;
  }
  on_log_(values);
}

void CallbackObserver::on_evaluation(const train::TrainingState& state, const train::Evaluation& evaluation) {
  if (!on_evaluation_) {
    return;
  }
  const py::gil_scoped_acquire gil;
  py::dict values = dict_from_state(state);
  values.attr("update")(dict_from_evaluation(evaluation));
  on_evaluation_(values);
}

}  // namespace compress::bindings
