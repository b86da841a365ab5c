#pragma once

#include <torch/nn.h>

namespace compress::nn {

/// torch::nn::BatchNorm2d (same options and names) that can stand still during training and be folded into the
/// convolution before it (Jacob et al. 2018, section 3.2).
class BatchNorm2dImpl : public torch::nn::BatchNorm2dImpl {
 public:
  using torch::nn::BatchNorm2dImpl::BatchNorm2dImpl;

  at::Tensor forward(const at::Tensor& input);

  /// Whether forward normalises with the batch's own statistics, not the running ones.
  bool uses_batch_statistics() const { return is_training() && !frozen; }

  /// weight / sqrt(running_var + eps), [C]: what folding multiplies a convolution's weight with.
  at::Tensor fold_factor() const;
  /// The same as a constant, 1 where it is 0: what a training step divides by.
  at::Tensor fold_divisor() const;
  /// bias + (convolution_bias - running_mean) * fold_factor, [C].
  at::Tensor folded_bias(const at::Tensor& convolution_bias) const;

  /// Running statistics neither move nor give way to the batch's, also in training mode.
  bool frozen = false;
};
TORCH_MODULE(BatchNorm2d);

}  // namespace compress::nn
