#include "compress/recipe/prune_method.h"

#include <algorithm>
#include <map>
#include <set>

#include "compress/core/error.h"
#include "compress/prune/magnitude.h"
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

// Layers that have the very same weight: it is pruned once, by the first that is selected, and not at all where one of
// them is excluded.
class TiedWeights {
 public:
  TiedWeights(const Layers& layers, const std::set<std::string>& excluded) {
    for (const auto& layer : layers) {
      if (excluded.contains(layer->name())) {
        excluded_.emplace(weight_name(*layer), layer->name());
      }
    }
  }

  // Empty where the layer is the one to prune its weight.
  std::string reason_against(const Layer& layer) {
    const std::string weight = weight_name(layer);
    if (const auto found = excluded_.find(weight); found != excluded_.end()) {
      return "its weight is that of " + found->second + ", which is excluded";
    }
    const auto [owner, first] = owners_.emplace(weight, layer.name());
    return first ? "" : "its weight is that of " + owner->second;
  }

 private:
  static std::string weight_name(const Layer& layer) {
    const std::string owner = layer.tied_to();
    return owner.empty() ? layer.name() : owner;
  }

  std::map<std::string, std::string> excluded_;  ///< weight, a layer that keeps it
  std::map<std::string, std::string> owners_;    ///< weight, the layer that prunes it
};

}  // namespace

void PruneMethod::attach(const Attachment& attachment) {
  Selection selection = select_layers(attachment, options_.include, options_.exclude, name());
  const prune::SparsitySchedule schedule = resolve(options_, attachment.run);
  TiedWeights tied(attachment.layers, selection.excluded);
  for (const auto& layer : selection.layers) {
    if (const std::string reason = tied.reason_against(*layer); !reason.empty()) {
      plan_.push_back({layer->name(), std::string(name()), "left out: " + reason});
      continue;
    }
    layers_.push_back(layer);
    layer->add_weight_mask();
    elements_ += layer->weight().numel();
    const char* scope = options_.scope == prune::Scope::global ? " % over all layers" : " % of this layer";
    plan_.push_back(
        {layer->name(), std::string(name()),
         "to " + concat(100 * options_.sparsity) + scope + ", steps " + std::to_string(schedule.start) +
             (schedule.type == prune::ScheduleType::cubic ? " to " + std::to_string(schedule.end) : " on")});
  }
  plan_.insert(plan_.end(), selection.left_out.begin(), selection.left_out.end());
  pruner_.emplace(targets(), options_.scope, schedule);
  pruner_->rebind({});  // a network that is sharded later must not be kept whole here
}

void PruneMethod::before_step(int64_t step) {
  if (pruner_->schedule().due(step)) {
    pruner_->rebind(targets());
    pruner_->update(step);
    pruner_->rebind({});
    after_step(step);  // a sharded weight was ranked, and zeroed, as a copy
  }
}

void PruneMethod::after_step(int64_t step) {
  std::vector<prune::PruneTarget> parts;
  for (const auto& layer : layers_) {
    parts.push_back({layer->name(), layer->weight_part(), layer->weight_mask_part()});
  }
  prune::zero_pruned_(parts);
}

Metrics PruneMethod::metrics() const {
  std::vector<at::Tensor> masks;
  for (const auto& layer : layers_) {
    masks.push_back(layer->weight_mask());
  }
  return {{"sparsity", 1.0 - static_cast<double>(prune::count_kept(masks)) / static_cast<double>(elements_)}};
}

std::vector<prune::PruneTarget> PruneMethod::targets() const {
  std::vector<prune::PruneTarget> targets;
  for (const auto& layer : layers_) {
    targets.push_back({layer->name(), layer->weight(), layer->weight_mask()});
  }
  return targets;
}

}  // namespace compress::recipe
