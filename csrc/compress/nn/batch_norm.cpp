#include "compress/nn/batch_norm.h"

namespace compress::nn {

at::Tensor BatchNorm2dImpl::forward(const at::Tensor& input) {
  if (!frozen) {
    return torch::nn::BatchNorm2dImpl::forward(input);
  }
  return at::batch_norm(input, weight, bias, running_mean, running_var, /*training=*/false, /*momentum=*/0.0,
                        options.eps(), at::globalContext().userEnabledCuDNN());
}

at::Tensor BatchNorm2dImpl::fold_factor() const {
  const at::Tensor inverse_deviation = (running_var + options.eps()).rsqrt();
  return weight.defined() ? weight * inverse_deviation : inverse_deviation;
}

at::Tensor BatchNorm2dImpl::folded_bias(const at::Tensor& convolution_bias) const {
  const at::Tensor centre = convolution_bias.defined() ? convolution_bias - running_mean : -running_mean;
  const at::Tensor shift = centre * fold_factor();
  return bias.defined() ? bias + shift : shift;
}

}  // namespace compress::nn
