#pragma once

#include "compress/nn/compressible.h"

namespace compress::nn {

/// torch::nn::Linear (same options, names and initialisation) with compression slots.
class LinearImpl : public torch::nn::LinearImpl, public Compressible {
 public:
  using torch::nn::LinearImpl::LinearImpl;

  at::Tensor forward(const at::Tensor& input);

  torch::nn::Module& module() override { return *this; }
  std::string_view layer_type() const override { return "Linear"; }
  at::Tensor& weight_parameter() override { return weight; }
  std::vector<int64_t> input_channel_sizes() const override { return {1, options.in_features()}; }
  at::Tensor deployed_bias() const override { return bias; }
  void load_deployed(const at::Tensor& new_weight, const at::Tensor& new_bias, bool batch_norm_folded) override;
};
TORCH_MODULE(Linear);

}  // namespace compress::nn
