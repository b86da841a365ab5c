#include "compress/config/config.h"

#include <torch/extension.h>

#include "bindings/module.h"
#include "bindings/yaml_text.h"
#include "compress/job/job.h"
#include "compress/optim/learning_rate.h"
#include "compress/optim/optimizer.h"

namespace compress::bindings {
namespace {

using train::Experiment;

Experiment parse(const py::object& config, const std::vector<std::string>& overrides) {
  return config::parse_experiment(yaml_text(config), "config", overrides);
}

// A value is what it says: two configs are equal where all their keys are.
bool equal(const Experiment& a, const Experiment& b) {
  return config::to_yaml(a) == config::to_yaml(b);
}

double learning_rate(const Experiment& config, int64_t step, int64_t total_steps, int64_t steps_per_epoch) {
  return optim::learning_rate(config.learning_rate, optim::base_lr(config.optimizer), step,
                              {total_steps, steps_per_epoch});
}

}  // namespace

void def_config(py::module_& module) {
  py::class_<Experiment>(module, "Config", R"(Everything that one run needs: the YAML file as a value (docs/config.md).

    config = Config.load("configs/digits.yaml", overrides=["seed=1", "compression.prune.sparsity=0.95"])

Raises UsageError, one line: where it was written, the key's path, what is wrong, what is allowed, the nearest key.)")
      .def_static("load", &config::load_experiment, py::arg("path"), py::arg("overrides") = std::vector<std::string>{},
                  py::call_guard<py::gil_scoped_release>(),
                  "From a YAML file; overrides are 'key.path=value', as --set of the command line.")
      .def_static("parse", &parse, py::arg("config"), py::arg("overrides") = std::vector<std::string>{},
                  "From YAML text, or from a dict of the same keys.")
      .def("to_yaml", &config::to_yaml, "Every key with its value; Config.parse gives an equal config back.")
      .def_readonly("name", &Experiment::name)
      .def("learning_rate", &learning_rate, py::arg("step"), py::arg("total_steps"), py::arg("steps_per_epoch") = 1,
           "The learning rate of optimizer step `step`, counted from 0: the optimizer's lr along warm-up and decay.")
      .def_property_readonly(
          "folder", [](const Experiment& self) { return job::run_folder(self).path(); },
          "The run's folder, <output>/<name>.")
      .def("__eq__", &equal, py::is_operator())
      .def("__repr__", [](const Experiment& self) { return "<Config '" + self.name + "'>"; })
      .def("__str__", &config::to_yaml);
}

}  // namespace compress::bindings
