#include "compress/recipe/prune_method.h"

#include <algorithm>

#include "compress/core/error.h"
#include "compress/recipe/selection.h"

namespace compress::recipe {
namespace {

// A schedule that ends with the run has its last update before the last step, not after it.
prune::SparsitySchedule resolve(const PruneOptions& options, const RunLength& run) {
  const int64_t last_step = std::max<int64_t>(0, run.total_steps - 1);
  prune::SparsitySchedule schedule;
  schedule.type = options.schedule.type;
  schedule.initial = options.schedule.initial;
  schedule.target = options.sparsity;
  schedule.every = options.schedule.every;
  schedule.start = options.schedule.start.resolve(run);
  check<UsageError>(schedule.start <= last_step, "prune.schedule.start: ", options.schedule.start.text(),
                    " lies beyond the run's ", run.total_steps, " steps");
  if (schedule.type == prune::ScheduleType::cubic) {
    const int64_t end = options.schedule.end.resolve(run);
    check<UsageError>(end <= run.total_steps, "prune.schedule.end: ", options.schedule.end.text(),
                      " lies beyond the run's ", run.total_steps, " steps");
    check<UsageError>(end >= schedule.start, "prune.schedule.end: ", options.schedule.end.text(),
                      " comes before start, ", options.schedule.start.text());
    schedule.end = std::min(end, last_step);
  }
  return schedule;
}

}  // namespace

void PruneMethod::attach(const Attachment& attachment) {
  Selection selection = select_layers(attachment.layers, options_.include, options_.exclude, name());
  const prune::SparsitySchedule schedule = resolve(options_, attachment.run);
  std::vector<prune::PruneTarget> targets;
  for (const auto& [layer_name, layer] : selection.layers) {
    layer->add_weight_mask();
    targets.push_back({layer_name, layer->weight_parameter(), layer->weight_mask});
    const char* scope = options_.scope == prune::Scope::global ? " % over all layers" : " % of this layer";
    plan_.push_back(
        {layer_name, std::string(name()),
         "to " + concat(100 * options_.sparsity) + scope + ", steps " + std::to_string(schedule.start) +
             (schedule.type == prune::ScheduleType::cubic ? " to " + std::to_string(schedule.end) : " on")});
  }
  plan_.insert(plan_.end(), selection.left_out.begin(), selection.left_out.end());
  pruner_.emplace(std::move(targets), options_.scope, schedule);
}

}  // namespace compress::recipe
