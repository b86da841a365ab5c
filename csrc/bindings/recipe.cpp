#include <torch/extension.h>

#include <memory>

#include "bindings/module.h"
#include "bindings/named_tensors.h"
#include "bindings/python_network.h"
#include "bindings/yaml_text.h"
#include "compress/config/config.h"
#include "compress/core/error.h"
#include "compress/recipe/compressor.h"

namespace compress::bindings {
namespace {

using Release = py::call_guard<py::gil_scoped_release>;

/// A recipe as a value.
struct Recipe {
  std::vector<recipe::MethodOptions> methods;

  std::string to_yaml() const { return config::recipe_to_yaml(methods); }
};

Recipe parse(const py::object& recipe, const std::string& name) {
  return {config::parse_recipe(yaml_text(recipe), name)};
}

std::vector<std::string> method_names(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const recipe::MethodOptions& method : recipe.methods) {
    names.push_back(std::visit(
        [](const auto& options) { return std::string(type_name<std::decay_t<decltype(options)>>.name); }, method));
  }
  return names;
}

// Whether a duration of the recipe is in epochs, whose length only the caller knows.
bool counts_epochs(const Recipe& recipe) {
  const auto in_epochs = [](const Duration& duration) { return duration.unit == Duration::Unit::epochs; };
  for (const recipe::MethodOptions& method : recipe.methods) {
    const auto* prune = std::get_if<recipe::PruneOptions>(&method);
    const auto* quantize = std::get_if<recipe::QuantizeOptions>(&method);
    if ((prune != nullptr && (in_epochs(prune->schedule.start) || in_epochs(prune->schedule.end))) ||
        (quantize != nullptr && (in_epochs(quantize->start) || in_epochs(quantize->freeze_observers)))) {
      return true;
    }
  }
  return false;
}

void def_recipe_value(py::module_& module) {
  py::class_<Recipe>(module, "Recipe", R"(What is done to a network: prune, quantize, distill, in any combination.

    Recipe([{"prune": {"sparsity": 0.9}}, {"quantize": {}}])
    Recipe.load("configs/digits.yaml")        # the compression block of a whole config, or of a file of its own

docs/recipe.md explains the methods, docs/config.md lists every key. Raises UsageError, one line: the key's path, what
is wrong, what is allowed, the nearest key.)")
      .def(py::init([](const py::object& methods) { return parse(methods, "recipe"); }), py::arg("methods"),
           "From a list of methods, a dict with the key 'compression', or YAML text of either.")
      .def_property_readonly("methods", &method_names,
                             "Names of the methods, in order: 'prune', 'quantize', 'distill'.")
      .def_property_readonly("counts_epochs", &counts_epochs, "Whether one of its durations is in epochs (20e).")
      .def("to_yaml", &Recipe::to_yaml, "Every key with its value; Recipe(...) gives an equal recipe back.")
      .def(
          "__eq__", [](const Recipe& a, const Recipe& b) { return a.to_yaml() == b.to_yaml(); }, py::is_operator())
      .def("__len__", [](const Recipe& self) { return self.methods.size(); })
      .def("__str__", &Recipe::to_yaml)
      .def("__repr__",
           [](const Recipe& self) {
             std::string names;
             for (const std::string& name : method_names(self)) {
               names += (names.empty() ? "" : ", ") + name;
             }
             return "<Recipe: " + names + ">";
           })
      .def(py::pickle([](const Recipe& self) { return self.to_yaml(); },
                      [](const std::string& yaml) { return Recipe{config::parse_recipe(yaml, "recipe")}; }));
  module.def("parse_recipe", &parse, py::arg("recipe"), py::arg("name"));
}

void def_tap(py::module_& module) {
  py::class_<distill::Tap, std::shared_ptr<distill::Tap>>(module, "Tap", "The output of one layer in this step.")
      .def(py::init<std::string>(), py::arg("layer"))
      .def("record", &distill::Tap::record, py::arg("output"))
      .def("clear", &distill::Tap::clear);
}

std::unique_ptr<recipe::Compressor> make_compressor(const Recipe& recipe, const py::object& network,
                                                    int64_t total_steps, int64_t steps_per_epoch) {
  return std::make_unique<recipe::Compressor>(recipe.methods, make_attachment(network, {total_steps, steps_per_epoch}));
}

py::list parameter_groups(recipe::Compressor& compressor) {
  py::list groups;
  for (const optim::ParameterGroup& group : compressor.parameter_groups()) {
    groups.append(py::make_tuple(group.name, dict_from_named_tensors(group.parameters)));
  }
  return groups;
}

std::vector<std::tuple<std::string, std::string, std::string>> plan(const recipe::Compressor& compressor) {
  std::vector<std::tuple<std::string, std::string, std::string>> rows;
  for (const recipe::PlanRow& row : compressor.plan()) {
    rows.emplace_back(row.layer, row.method, row.action);
  }
  return rows;
}

void def_compressor(py::module_& module) {
  py::class_<recipe::Compressor>(module, "Compressor", "The methods of a recipe at work; see compress_ext.Compressor.")
      .def(py::init(&make_compressor), py::arg("recipe"), py::arg("network"), py::arg("total_steps"),
           py::arg("steps_per_epoch"))
      .def("before_step", &recipe::Compressor::before_step, py::arg("step"), Release())
      .def(
          "loss",
          [](recipe::Compressor& self, const at::Tensor& task_loss, const at::Tensor& logits) {
            const at::Tensor input, target;  // Python's to know
            return self.loss(task_loss, {input, logits, target});
          },
          py::arg("task_loss"), py::arg("logits"), Release())
      .def("after_step", &recipe::Compressor::after_step, py::arg("step"), Release())
      .def("resume", &recipe::Compressor::resume, py::arg("steps"), Release())
      .def("tensors", [](recipe::Compressor& self) { return dict_from_named_tensors(self.tensors()); })
      .def("parameter_groups", &parameter_groups)
      .def("plan", &plan)
      .def("metrics", [](const recipe::Compressor& self) {
        py::dict result;
        for (const auto& [name, value] : self.metrics()) {
          result[name.c_str()] = value;
        }
        return result;
      });
}

}  // namespace

void def_recipe(py::module_& module) {
  def_recipe_value(module);
  def_tap(module);
  def_compressor(module);
}

}  // namespace compress::bindings
