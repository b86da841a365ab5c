#include <ATen/Parallel.h>
#include <torch/extension.h>

#include "bindings/callback_observer.h"
#include "bindings/module.h"
#include "bindings/named_tensors.h"
#include "compress/data/dataset.h"
#include "compress/job/job.h"
#include "compress/train/checkpoint.h"
#include "compress/train/trainer.h"

namespace compress::bindings {
namespace {

namespace fs = std::filesystem;

/// train::Trainer with its data set and Python's callbacks.
class PythonTrainer {
 public:
  PythonTrainer(const train::Experiment& experiment, const std::optional<fs::path>& folder)
      : folder_(folder ? train::RunFolder(*folder) : job::run_folder(experiment)),
        threads_(static_cast<int>(experiment.threads)) {
    use_threads();
    trainer_ = std::make_unique<train::Trainer>(experiment, data::load_dataset(experiment.data), folder_);
    trainer_->add_observer(callbacks_);
  }
  ~PythonTrainer() {
    // The loader's thread is joined.
    const py::gil_scoped_release release;
    trainer_.reset();
  }
  PythonTrainer(const PythonTrainer&) = delete;
  PythonTrainer& operator=(const PythonTrainer&) = delete;

  void run(const py::object& on_log, const py::object& on_evaluation) {
    check_idle("run");
    check<UsageError>(trainer_->state().step > 0 || !folder_.holds_run(), "Trainer: ", folder_.path().string(),
                      " holds a run already; go on with it by load(), give another folder, or remove it");
    const Running running(*this, on_log, on_evaluation);
    const py::gil_scoped_release release;
    const at::AutoGradMode with_gradients(true);
    use_threads();
    trainer_->run();
  }

  py::dict evaluate() {
    check_idle("evaluate");
    train::Evaluation evaluation;
    {
      const py::gil_scoped_release release;
      use_threads();
      evaluation = trainer_->evaluate();
    }
    return dict_from_evaluation(evaluation);
  }

  void load(const fs::path& checkpoint) {
    check_idle("load");
    const py::gil_scoped_release release;
    trainer_->load(train::RunFolder(checkpoint).latest_checkpoint().value_or(checkpoint));
  }

  py::dict state() const { return dict_from_state(trainer_->state()); }
  std::shared_ptr<models::Network> network() { return trainer_->shared_network(); }
  const fs::path& folder() const { return folder_.path(); }

 private:
  /// Callbacks are held while a run lasts.
  class Running {
   public:
    Running(PythonTrainer& trainer, const py::object& on_log, const py::object& on_evaluation) : trainer_(trainer) {
      trainer_.callbacks_->set(on_log, on_evaluation);
      trainer_.running_ = true;
    }
    ~Running() {
      trainer_.running_ = false;
      trainer_.callbacks_->clear();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    PythonTrainer& trainer_;
  };

  void check_idle(const char* call) const {
    check<UsageError>(!running_, "Trainer: ", call, "() is not possible while run() is under way");
  }

  void use_threads() const {
    if (threads_ > 0) {
      at::set_num_threads(threads_);
    }
  }

  train::RunFolder folder_;
  int threads_;
  std::shared_ptr<CallbackObserver> callbacks_ = std::make_shared<CallbackObserver>();
  std::unique_ptr<train::Trainer> trainer_;
  bool running_ = false;  ///< read and written with the GIL held
};

fs::path save_checkpoint(const fs::path& run, const py::dict& network, const py::dict& training, int64_t step,
                         int64_t total_steps, int64_t steps_per_epoch, int64_t keep) {
  const train::CheckpointTensors tensors{named_tensors_from_dict(network), named_tensors_from_dict(training)};
  train::TrainingState state;
  state.step = step;
  state.run = {total_steps, steps_per_epoch};
  const py::gil_scoped_release release;
  return train::save_checkpoint(train::RunFolder(run), tensors, state, keep);
}

}  // namespace

void def_train(py::module_& module) {
  module.def(
      "latest_checkpoint", [](const fs::path& run) { return train::RunFolder(run).latest_checkpoint(); },
      py::arg("run"));
  module.def("save_checkpoint", &save_checkpoint, py::arg("run"), py::arg("network"), py::arg("training"),
             py::arg("step"), py::arg("total_steps"), py::arg("steps_per_epoch"), py::arg("keep"));
  py::class_<PythonTrainer>(module, "Trainer", R"(Trains one network by one config, compression included.

config  a Config
folder  where checkpoints go (checkpoints/step_XXXXXXXX); None is the run's folder, <output>/<name>

    trainer = Trainer(config, folder="runs/x")
    trainer.run(on_log=lambda state: print(state["step"], state["loss"]))
    trainer.network.state_dict()

Builds network, recipe, optimizer and loader with the config's seed, which becomes torch's; a config with `threads`
sets torch's number of threads too. run_experiment is the whole job: teacher, baseline, final model and report.

Raises UsageError for options that do not fit together, Error for data that cannot be read.)")
      .def(py::init<const train::Experiment&, const std::optional<fs::path>&>(), py::arg("config"),
           py::arg("folder") = py::none(), py::call_guard<py::gil_scoped_release>())
      .def("run", &PythonTrainer::run, py::kw_only(), py::arg("on_log") = py::none(),
           py::arg("on_evaluation") = py::none(),
           R"(Trains to the end, without the GIL.

on_log         called every training.log_every steps with `state` plus loss, learning_rate, images_per_second and the
               methods' metrics (sparsity, ...)
on_evaluation  called after each evaluation with `state` plus accuracy and loss

An exception of a callback stops the run and is raised here, as is KeyboardInterrupt; run() then goes on after the last
step that was done. Raises Error where the loss is not finite, naming step and layer; UsageError where the folder holds
another run.)")
      .def("evaluate", &PythonTrainer::evaluate, "{'accuracy': [0, 1], 'loss': mean cross entropy} on the test images.")
      .def("load", &PythonTrainer::load, py::arg("checkpoint"),
           "Goes on from a checkpoint's folder, or from the newest one of a run's folder, bit for bit. Raises Error "
           "that "
           "names the file and what does not fit, before anything is changed.")
      .def_property_readonly("state", &PythonTrainer::state,
                             "{'step': optimizer steps done, 'epoch', 'total_steps', 'steps_per_epoch', "
                             "'best_accuracy': None before the first evaluation}.")
      .def_property_readonly("network", &PythonTrainer::network, "The models.Network in training, not a copy.")
      .def_property_readonly("folder", &PythonTrainer::folder);
}

}  // namespace compress::bindings
