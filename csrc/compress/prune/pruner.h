#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "compress/prune/options.h"
#include "compress/prune/schedule.h"

namespace compress::prune {

/// One weight to prune. The tensors are the layer's own: the pruner changes them in place.
struct PruneTarget {
  std::string name;
  at::Tensor weight;
  at::Tensor mask;  ///< packed (see ops/pack_mask.h), of weight's shape
};

/// Zeroes what the targets' masks prune.
void zero_pruned_(const std::vector<PruneTarget>& targets);

/// Gradual magnitude pruning (Zhu & Gupta 2017) of any set of weights.
///
/// Exactly round(sparsity * elements) weights (halves up: 744.5 is 745) are zero after an update, per layer or together
/// as `scope` says. Where several weights have the magnitude at the threshold, those pruned before stay pruned and then
/// the first in order go. Ranks are taken by magnitude alone, so every process with the same weights gets the same
/// masks.
class Pruner {
 public:
  /// Raises UsageError for no targets, names given twice, or a mask that does not fit its weight.
  Pruner(std::vector<PruneTarget> targets, Scope scope, SparsitySchedule schedule);

  /// Moves the masks where the schedule says so, and zeroes what they prune. True where they moved.
  bool update(int64_t step);
  /// Zeroes pruned weights again: call after every optimizer step, which momentum and weight decay may have moved.
  void apply();
  /// Moves the masks to a sparsity at once.
  void prune_to(double sparsity);

  /// Takes other tensors for the same weights, in the same order: those of a network that was moved or sharded.
  void rebind(std::vector<PruneTarget> targets) { targets_ = std::move(targets); }

  /// The share of the targets' weights that the masks prune.
  double sparsity() const;
  const std::vector<PruneTarget>& targets() const { return targets_; }
  const SparsitySchedule& schedule() const { return schedule_; }

 private:
  std::vector<PruneTarget> targets_;
  Scope scope_;
  SparsitySchedule schedule_;
};

}  // namespace compress::prune
