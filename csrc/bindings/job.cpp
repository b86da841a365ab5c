#include "compress/job/job.h"

#include <torch/extension.h>

#include "bindings/callback_observer.h"
#include "bindings/module.h"
#include "compress/job/model_file.h"

namespace compress::bindings {
namespace {

namespace fs = std::filesystem;

fs::path run_experiment(const train::Experiment& experiment, bool resume) {
  const at::AutoGradMode with_gradients(true);
  // Without callbacks it lets Ctrl-C through.
  job::run_experiment(experiment, resume, {std::make_shared<CallbackObserver>()});
  return job::run_folder(experiment).path();
}

std::shared_ptr<models::Network> load_model(const fs::path& path) {
  return job::load_model(path).network;
}

}  // namespace

void def_job(py::module_& module) {
  using Release = py::call_guard<py::gil_scoped_release>;
  module.def("run_experiment", &run_experiment, py::arg("config"), py::arg("resume"), Release());
  module.def("load_model", &load_model, py::arg("path"), Release());
}

}  // namespace compress::bindings
