#pragma once

#include "compress/optim/optimizer.h"

namespace compress::optim {

/// g = gradient + weight_decay * p;  v = momentum * v + g;  p -= lr * (nesterov ? g + momentum * v : v)
/// (Sutskever et al. 2013, in torch.optim.SGD's form.) State: `momentum_buffer`; none without momentum.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const SgdOptions& options);

 private:
  void update(const Bucket& bucket, double lr, double weight_decay) const override;

  double momentum_;
  bool nesterov_;
};

}  // namespace compress::optim
