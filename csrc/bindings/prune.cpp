#include <torch/extension.h>

#include <tuple>

#include "bindings/module.h"
#include "compress/core/error.h"
#include "compress/core/names.h"
#include "compress/prune/pruner.h"
#include "compress/prune/schedule.h"

namespace compress::bindings {
namespace {

using prune::Pruner;
using prune::PruneTarget;
using prune::SparsitySchedule;

void check_share(const char* argument, double share) {
  check<UsageError>(share >= 0.0 && share < 1.0, "SparsitySchedule: ", argument,
                    " is the share of weights to prune (got ", share, ", expected at least 0 and less than 1)");
}

SparsitySchedule make_schedule(const std::string& type, double target, double initial, int64_t start, int64_t end,
                               int64_t every) {
  SparsitySchedule schedule;
  schedule.type = enum_from_name<prune::ScheduleType>("SparsitySchedule: type", type);
  check_share("target", target);
  check_share("initial", initial);
  check<UsageError>(start >= 0, "SparsitySchedule: start is an optimizer step (got ", start, ", expected 0 or more)");
  check<UsageError>(every >= 1, "SparsitySchedule: every counts optimizer steps (got ", every, ", expected 1 or more)");
  check<UsageError>(schedule.type == prune::ScheduleType::constant || end >= start,
                    "SparsitySchedule: a cubic schedule cannot end before it starts (got start ", start, ", end ", end,
                    ")");
  schedule.target = target;
  schedule.initial = initial;
  schedule.start = start;
  schedule.end = end;
  schedule.every = every;
  return schedule;
}

std::string repr(const SparsitySchedule& self) {
  return concat("SparsitySchedule(type='", enum_name(self.type), "', target=", self.target, ", initial=", self.initial,
                ", start=", self.start, ", end=", self.end, ", every=", self.every, ")");
}

void def_schedule(py::module_& module) {
  const SparsitySchedule defaults;
  py::class_<SparsitySchedule>(module, "SparsitySchedule",
                               R"(Which share of the weights is pruned at which optimizer step (steps count from 0).

type      'constant': target from start on; 'cubic': from initial at start to target at end, fast at first and slower
          towards the end (Zhu & Gupta 2017, eq. 1), moved every `every` steps and at end
target    share of the weights that end at zero, [0, 1)
initial   share at start, cubic only, [0, 1)
start     optimizer step; before it nothing is pruned
end       optimizer step, cubic only
every     optimizer steps between mask updates, cubic only

Raises UsageError for values outside these ranges.)")
      .def(py::init(&make_schedule), py::kw_only(), py::arg("type") = enum_name(defaults.type),
           py::arg("target") = defaults.target, py::arg("initial") = defaults.initial,
           py::arg("start") = defaults.start, py::arg("end") = defaults.end, py::arg("every") = defaults.every)
      .def_property_readonly("type", [](const SparsitySchedule& self) { return enum_name(self.type); })
      .def_readonly("target", &SparsitySchedule::target)
      .def_readonly("initial", &SparsitySchedule::initial)
      .def_readonly("start", &SparsitySchedule::start)
      .def_readonly("end", &SparsitySchedule::end)
      .def_readonly("every", &SparsitySchedule::every)
      .def("sparsity_at", &SparsitySchedule::sparsity_at, py::arg("step"), "The share pruned at optimizer step `step`.")
      .def("due", &SparsitySchedule::due, py::arg("step"), "Whether masks move at optimizer step `step`.")
      .def("__repr__", &repr);
}

using TargetTuple = std::tuple<std::string, at::Tensor, at::Tensor>;

Pruner make_pruner(const std::vector<TargetTuple>& tuples, const std::string& scope, const SparsitySchedule& schedule) {
  std::vector<PruneTarget> targets;
  for (const auto& [name, weight, mask] : tuples) {
    targets.push_back({name, weight, mask});
  }
  return {std::move(targets), enum_from_name<prune::Scope>("Pruner: scope", scope), schedule};
}

void prune_to(Pruner& pruner, double sparsity) {
  check<UsageError>(sparsity >= 0.0 && sparsity <= 1.0, "Pruner: prune_to takes a share of the weights (got ", sparsity,
                    ", expected 0 to 1)");
  pruner.prune_to(sparsity);
}

void def_pruner(py::module_& module) {
  using Release = py::call_guard<py::gil_scoped_release>;
  py::class_<Pruner>(module, "Pruner", R"(Gradual magnitude pruning of any set of weights (Zhu & Gupta 2017), in place.

targets   [(name, weight, mask), ...]: the caller's own tensors, also parameters that require a gradient; mask is packed
          (ops.pack_mask), of the weight's shape
scope     'global': the weights together reach the sparsity, one threshold ranks all; 'layer': each weight does by itself
schedule  a SparsitySchedule

Exactly round(sparsity * elements) weights are zero after an update. Of equal magnitudes, those pruned before go first,
then the first in order.

    pruner = Pruner([("fc", fc.weight, mask)], schedule=SparsitySchedule(target=0.9, end=1000, every=20))
    for step in range(steps):
        pruner.update(step)
        loss(...).backward(); optimizer.step()
        pruner.apply()

Raises UsageError for no targets, a name given twice, a mask that does not fit its weight, an unknown scope.)")
      .def(py::init(&make_pruner), py::arg("targets"), py::arg("scope") = enum_name(prune::Scope::global),
           py::kw_only(), py::arg("schedule"))
      .def(
          "update", &Pruner::update, py::arg("step"), Release(),
          "Moves the masks where the schedule says so at optimizer step `step`, and zeroes what they prune. True where "
          "they moved.")
      .def("apply", &Pruner::apply, Release(),
           "Zeroes pruned weights again: after every optimizer step, which momentum and weight decay may have moved.")
      .def("prune_to", &prune_to, py::arg("sparsity"), Release(),
           "Moves the masks to a share of the weights, [0, 1], at once.")
      .def_property_readonly("sparsity", py::cpp_function(&Pruner::sparsity, Release()),
                             "The share of the weights that the masks prune.")
      .def_property_readonly("schedule", &Pruner::schedule);
}

}  // namespace

void def_prune(py::module_& module) {
  def_schedule(module);
  def_pruner(module);
}

}  // namespace compress::bindings
