#pragma once

#include "compress/optim/optimizer.h"

namespace compress::optim {

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2; arithmetic of torch.optim.AdamW without
/// amsgrad). State: `exp_avg`, `exp_avg_sq` and `step`, which counts in float32 as torch's does (exact to 2^24).
class Adamw final : public Optimizer {
 public:
  explicit Adamw(const AdamwOptions& options);

 private:
  void update(const Bucket& bucket, double lr, double weight_decay) const override;

  double beta1_;
  double beta2_;
  double eps_;
};

}  // namespace compress::optim
