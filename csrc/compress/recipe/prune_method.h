#pragma once

#include <optional>

#include "compress/prune/pruner.h"
#include "compress/recipe/method.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// Gradual pruning: fills `weight_mask` slots and moves them by prune::Pruner.
class PruneMethod : public Method {
 public:
  explicit PruneMethod(PruneOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return type_name<PruneOptions>.name; }
  void attach(const Attachment& attachment) override;
  void before_step(int64_t step) override;
  void after_step(int64_t step) override;
  std::vector<PlanRow> plan() const override { return plan_; }
  Metrics metrics() const override;

 private:
  std::vector<prune::PruneTarget> targets() const;

  PruneOptions options_;
  Layers layers_;
  int64_t elements_ = 0;  ///< weights of all layers
  std::optional<prune::Pruner> pruner_;
  std::vector<PlanRow> plan_;
};

}  // namespace compress::recipe
