#include "compress/nn/embedding.h"

#include "compress/core/error.h"
#include "compress/nn/deployed.h"

namespace compress::nn {

at::Tensor EmbeddingImpl::forward(const at::Tensor& indices) {
  return tapped(torch::nn::functional::detail::embedding(indices, compressed_weight(weight), options.padding_idx(),
                                                         options.max_norm(), options.norm_type(),
                                                         options.scale_grad_by_freq(), options.sparse()));
}

void EmbeddingImpl::load_deployed(const at::Tensor& new_weight, const at::Tensor& new_bias, bool batch_norm_folded) {
  check(!batch_norm_folded, "the file folds a batch norm into a layer that has none");
  check(!new_bias.defined(), "the file holds a bias, an Embedding layer has none");
  copy_deployed_("weight", weight, new_weight);
}

}  // namespace compress::nn
