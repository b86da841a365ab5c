#include "compress/nn/batch_norm.h"

#include "compress/ops/batch_norm_fold.h"
#include "compress/ops/optional_tensor.h"

namespace compress::nn {

at::Tensor BatchNorm2dImpl::forward(const at::Tensor& input) {
  if (!frozen) {
    return torch::nn::BatchNorm2dImpl::forward(input);
  }
  return at::batch_norm(input, weight, bias, running_mean, running_var, /*training=*/false, /*momentum=*/0.0,
                        options.eps(), at::globalContext().userEnabledCuDNN());
}

at::Tensor BatchNorm2dImpl::fold_factor() const {
  return batch_norm_fold_factor(none_if_undefined(weight), running_var, options.eps());
}

at::Tensor BatchNorm2dImpl::fold_divisor() const {
  const at::NoGradGuard no_grad;
  return batch_norm_fold_factor(none_if_undefined(weight), running_var, options.eps(), /*nonzero=*/true);
}

at::Tensor BatchNorm2dImpl::folded_bias(const at::Tensor& convolution_bias) const {
  return batch_norm_folded_bias(none_if_undefined(convolution_bias), none_if_undefined(bias), running_mean,
                                fold_factor());
}

}  // namespace compress::nn
