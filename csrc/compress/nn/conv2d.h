#pragma once

#include "compress/nn/batch_norm.h"
#include "compress/nn/compressible.h"

namespace compress::nn {

/// torch::nn::Conv2d (same options, names and initialisation) with compression slots.
///
/// A batch norm that follows can be set with `set_batch_norm`: forward then includes it. Both stay modules of their
/// own with their usual names; the convolution only knows its follower. While the weight is not quantized this is
/// the convolution, then the batch norm. Once it is, the weight is quantized as it will be deployed, folded:
///   statistics of the batch   batch_norm(conv(x, q(w * f) / f)), f = fold_factor, without gradient through f
///   running statistics        conv(x, q(w * f), folded_bias): evaluation, and training once batch norm is frozen
/// so that the last part of training and evaluation see the deployed arithmetic, bit for bit.
class Conv2dImpl : public torch::nn::Conv2dImpl, public Compressible {
 public:
  using torch::nn::Conv2dImpl::Conv2dImpl;

  at::Tensor forward(const at::Tensor& input);

  void set_batch_norm(BatchNorm2d batch_norm);
  bool has_batch_norm() const { return !batch_norm_.is_empty(); }
  /// The batch norm that forward includes; null where there is none or it was folded in by load_deployed.
  const BatchNorm2d& batch_norm() const { return batch_norm_; }

  torch::nn::Module& module() override { return *this; }
  std::string_view layer_type() const override { return "Conv2d"; }
  at::Tensor& weight_parameter() override { return weight; }
  std::vector<int64_t> input_channel_sizes() const override { return {1, options.in_channels(), 1, 1}; }
  /// A batch norm is folded where the weight is quantized; else it stays a layer of its own.
  bool folds_batch_norm() const override { return has_batch_norm() && !weight_quantizer.is_empty(); }
  at::Tensor deployed_weight() const override;
  at::Tensor deployed_bias() const override;
  void load_deployed(const at::Tensor& new_weight, const at::Tensor& new_bias, bool batch_norm_folded) override;

 private:
  at::Tensor convolve(const at::Tensor& input, const at::Tensor& filters, const at::Tensor& shift) const;
  at::Tensor convolve_and_normalize(const at::Tensor& input);

  BatchNorm2d batch_norm_{nullptr};
};
TORCH_MODULE(Conv2d);

}  // namespace compress::nn
