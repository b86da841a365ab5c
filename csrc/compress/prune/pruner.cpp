#include "compress/prune/pruner.h"

#include <ATen/ATen.h>

#include <set>

#include "compress/core/error.h"
#include "compress/ops/apply_masks.h"
#include "compress/ops/pack_mask.h"
#include "compress/prune/magnitude.h"

namespace compress::prune {

void zero_pruned_(const std::vector<PruneTarget>& targets) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> weights, masks;
  for (const PruneTarget& target : targets) {
    weights.push_back(target.weight);
    masks.push_back(target.mask);
  }
  apply_masks_(weights, masks);
}

Pruner::Pruner(std::vector<PruneTarget> targets, Scope scope, SparsitySchedule schedule)
    : targets_(std::move(targets)), scope_(scope), schedule_(schedule) {
  check<UsageError>(!targets_.empty(), "prune: there is no weight to prune");
  check<UsageError>(schedule_.target >= 0 && schedule_.target < 1, "prune: sparsity must be in [0, 1) (got ",
                    schedule_.target, ")");
  std::set<std::string> names;
  std::set<const void*> memory;
  for (const PruneTarget& target : targets_) {
    check<UsageError>(names.insert(target.name).second, "prune: '", target.name, "' is given twice");
    check<UsageError>(
        target.weight.numel() == 0 || target.weight.is_meta() || memory.insert(target.weight.const_data_ptr()).second,
        "prune: the weight of '", target.name, "' is given twice; a tied weight is one target");
    const at::Tensor full = pack_mask(at::ones(target.weight.sizes(), target.mask.options().dtype(at::kBool)));
    check<UsageError>(target.mask.scalar_type() == at::kByte && target.mask.sizes() == full.sizes(),
                      "prune: the mask of '", target.name, "' must be uint8 ", full.sizes(), " (got ",
                      target.mask.scalar_type(), " ", target.mask.sizes(), ")");
  }
}

bool Pruner::update(int64_t step) {
  if (!schedule_.due(step)) {
    return false;
  }
  prune_to(schedule_.sparsity_at(step));
  return true;
}

void Pruner::prune_to(double sparsity) {
  std::vector<at::Tensor> weights, masks;
  for (const PruneTarget& target : targets_) {
    weights.push_back(target.weight.detach());
    masks.push_back(target.mask);
  }
  if (scope_ == Scope::global) {
    prune_smallest_(weights, masks, sparsity);
  } else {
    for (size_t i = 0; i < weights.size(); ++i) {
      prune_smallest_({weights[i]}, {masks[i]}, sparsity);
    }
  }
  apply();
}

void Pruner::apply() {
  zero_pruned_(targets_);
}

double Pruner::sparsity() const {
  std::vector<at::Tensor> masks;
  int64_t elements = 0;
  for (const PruneTarget& target : targets_) {
    masks.push_back(target.mask);
    elements += target.weight.numel();
  }
  return elements == 0 ? 0.0 : 1.0 - static_cast<double>(count_kept(masks)) / static_cast<double>(elements);
}

}  // namespace compress::prune
