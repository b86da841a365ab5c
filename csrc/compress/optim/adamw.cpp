#include "compress/optim/adamw.h"

#include "compress/core/error.h"

namespace compress::optim {

Adamw::Adamw(const AdamwOptions& options)
    : Optimizer({{"exp_avg"}, {"exp_avg_sq"}, {"step", /*scalar=*/true}}, options.weight_decay),
      beta1_(options.beta1),
      beta2_(options.beta2),
      eps_(options.eps) {
  check<UsageError>(beta1_ >= 0 && beta1_ < 1, "optimizer.beta1 must be in [0, 1) (got ", beta1_, ")");
  check<UsageError>(beta2_ >= 0 && beta2_ < 1, "optimizer.beta2 must be in [0, 1) (got ", beta2_, ")");
  check<UsageError>(eps_ >= 0, "optimizer.eps must be 0 or more (got ", eps_, ")");
}

void Adamw::update(const Bucket& bucket, double lr, double weight_decay) const {
  const auto& steps = bucket.buffers[2];
  at::_foreach_add_(steps, 1);
  at::_fused_adamw_(bucket.parameters, bucket.gradients, bucket.buffers[0], bucket.buffers[1], /*max_exp_avg_sqs=*/{},
                    steps, lr, beta1_, beta2_, weight_decay, eps_, /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace compress::optim
