#include <torch/extension.h>

#include "bindings/enum_names.h"
#include "bindings/module.h"
#include "compress/core/error.h"
#include "compress/prune/schedule.h"

namespace compress::bindings {
namespace {

using prune::ScheduleType;
using prune::SparsitySchedule;

constexpr EnumNames<ScheduleType, 2> schedule_types{
    {{"constant", ScheduleType::constant}, {"cubic", ScheduleType::cubic}}};

void check_share(const char* argument, double share) {
  check<UsageError>(share >= 0.0 && share < 1.0, "SparsitySchedule: ", argument,
                    " is the share of weights to prune (got ", share, ", expected at least 0 and less than 1)");
}

SparsitySchedule make_schedule(const std::string& type, double target, double initial, int64_t start, int64_t end,
                               int64_t every) {
  SparsitySchedule schedule;
  schedule.type = enum_from_name(schedule_types, "SparsitySchedule: type", type);
  check_share("target", target);
  check_share("initial", initial);
  check<UsageError>(start >= 0, "SparsitySchedule: start is an optimizer step (got ", start, ", expected 0 or more)");
  check<UsageError>(every >= 1, "SparsitySchedule: every counts optimizer steps (got ", every, ", expected 1 or more)");
  check<UsageError>(schedule.type == ScheduleType::constant || end >= start,
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
  return concat("SparsitySchedule(type='", name_from_enum(schedule_types, self.type), "', target=", self.target,
                ", initial=", self.initial, ", start=", self.start, ", end=", self.end, ", every=", self.every, ")");
}

}  // namespace

void def_prune(py::module_& module) {
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
      .def(py::init(&make_schedule), py::kw_only(), py::arg("type") = name_from_enum(schedule_types, defaults.type),
           py::arg("target") = defaults.target, py::arg("initial") = defaults.initial,
           py::arg("start") = defaults.start, py::arg("end") = defaults.end, py::arg("every") = defaults.every)
      .def_property_readonly("type",
                             [](const SparsitySchedule& self) { return name_from_enum(schedule_types, self.type); })
      .def_readonly("target", &SparsitySchedule::target)
      .def_readonly("initial", &SparsitySchedule::initial)
      .def_readonly("start", &SparsitySchedule::start)
      .def_readonly("end", &SparsitySchedule::end)
      .def_readonly("every", &SparsitySchedule::every)
      .def("sparsity_at", &SparsitySchedule::sparsity_at, py::arg("step"), "The share pruned at optimizer step `step`.")
      .def("due", &SparsitySchedule::due, py::arg("step"), "Whether masks move at optimizer step `step`.")
      .def("__repr__", &repr);
}

}  // namespace compress::bindings
