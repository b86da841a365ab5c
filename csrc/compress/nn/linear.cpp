#include "compress/nn/linear.h"

#include "compress/core/error.h"
#include "compress/nn/deployed.h"

namespace compress::nn {

at::Tensor LinearImpl::forward(const at::Tensor& input) {
  return tapped(torch::nn::functional::linear(compressed_input(input), compressed_weight(weight), bias));
}

void LinearImpl::load_deployed(const at::Tensor& new_weight, const at::Tensor& new_bias, bool batch_norm_folded) {
  check(!batch_norm_folded, "the file folds a batch norm into a layer that has none");
  copy_deployed_("weight", weight, new_weight);
  if (bias.defined() || new_bias.defined()) {
    copy_deployed_("bias", bias, new_bias);
  }
}

}  // namespace compress::nn
