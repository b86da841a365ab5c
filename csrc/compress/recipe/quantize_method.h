#pragma once

#include "compress/recipe/method.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// Quantization-aware training: fills the quantizer slots, turns them on at `start`, and holds observers and batch
/// norms still from `freeze_observers` on.
class QuantizeMethod : public Method {
 public:
  explicit QuantizeMethod(QuantizeOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return type_name<QuantizeOptions>.name; }
  void attach(const Attachment& attachment) override;
  void before_step(int64_t step) override;
  void after_step(int64_t step) override;
  void resume(int64_t steps) override;
  std::vector<PlanRow> plan() const override { return plan_; }

 private:
  QuantizeOptions options_;
  int64_t start_ = 0;
  int64_t freeze_ = 0;
  /// What is told to the network when it changes.
  struct Phase {
    bool enabled = false;
    bool frozen = false;
    bool operator==(const Phase&) const = default;
  };
  Phase phase_at(int64_t step) const { return {step >= start_, step >= freeze_}; }
  void enter(Phase phase);
  void add(std::unique_ptr<QuantizerSlot> quantizer, const quant::QuantizerOptions& options);

  std::optional<Phase> phase_;
  std::vector<std::unique_ptr<QuantizerSlot>> quantizers_;
  std::vector<QuantizerSlot*> learned_;
  std::function<void(bool frozen)> freeze_batch_norms_;
  std::vector<PlanRow> plan_;
};

}  // namespace compress::recipe
