#pragma once

#include "compress/nn/compressible.h"

namespace compress::nn {

/// torch::nn::Embedding (same options, names and initialisation) with slots for a mask and a weight quantizer.
class EmbeddingImpl : public torch::nn::EmbeddingImpl, public Compressible {
 public:
  using torch::nn::EmbeddingImpl::EmbeddingImpl;

  at::Tensor forward(const at::Tensor& indices);

  torch::nn::Module& module() override { return *this; }
  std::string_view layer_type() const override { return "Embedding"; }
  at::Tensor& weight_parameter() override { return weight; }
  std::vector<int64_t> input_channel_sizes() const override { return {}; }
  at::Tensor deployed_bias() const override { return {}; }
  void load_deployed(const at::Tensor& new_weight, const at::Tensor& new_bias, bool batch_norm_folded) override;
};
TORCH_MODULE(Embedding);

}  // namespace compress::nn
