#include "compress/optim/sgd.h"

#include "compress/core/error.h"

namespace compress::optim {

Sgd::Sgd(const SgdOptions& options)
    : Optimizer(options.momentum == 0 ? std::vector<BufferKind>{} : std::vector<BufferKind>{{"momentum_buffer"}},
                options.weight_decay),
      momentum_(options.momentum),
      nesterov_(options.nesterov) {
  check<UsageError>(momentum_ >= 0 && momentum_ < 1, "optimizer.momentum must be in [0, 1) (got ", momentum_, ")");
  check<UsageError>(!nesterov_ || momentum_ > 0, "optimizer.nesterov needs a momentum above 0");
}

void Sgd::update(const Bucket& bucket, double lr, double weight_decay) const {
  const at::TensorList buffers = momentum_ == 0 ? at::TensorList() : at::TensorList(bucket.buffers[0]);
  at::_fused_sgd_(bucket.parameters, bucket.gradients, buffers, weight_decay, momentum_, lr, /*dampening=*/0.0,
                  nesterov_, /*maximize=*/false, /*is_first_step=*/false);
}

}  // namespace compress::optim
