#include "compress/nn/conv2d.h"

#include "compress/core/error.h"
#include "compress/nn/deployed.h"

namespace compress::nn {
namespace {

// One factor per output channel, against the weight [C, I, kh, kw].
at::Tensor per_filter(const at::Tensor& factor) {
  return factor.view({-1, 1, 1, 1});
}

}  // namespace

at::Tensor Conv2dImpl::forward(const at::Tensor& input) {
  const at::Tensor x = compressed_input(input);
  return tapped(has_batch_norm() ? convolve_and_normalize(x) : convolve(x, compressed_weight(weight), bias));
}

void Conv2dImpl::set_batch_norm(BatchNorm2d batch_norm) {
  check<UsageError>(batch_norm->options.num_features() == options.out_channels(), "the batch norm has ",
                    batch_norm->options.num_features(), " features, the convolution ", options.out_channels(),
                    " output channels");
  check<UsageError>(batch_norm->options.track_running_stats(),
                    "a batch norm without running statistics cannot be folded; set track_running_stats");
  batch_norm_ = std::move(batch_norm);
}

at::Tensor Conv2dImpl::convolve(const at::Tensor& input, const at::Tensor& filters, const at::Tensor& shift) const {
  namespace detail = torch::nn::functional::detail;
  if (std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode())) {
    return detail::conv2d(input, filters, shift, options.stride(), options.padding(), options.dilation(),
                          options.groups());
  }
  const at::Tensor padded = detail::pad(input, _reversed_padding_repeated_twice,
                                        torch::nn::functional::PadFuncOptions::mode_t(std::visit(
                                            [](auto mode) -> torch::nn::functional::PadFuncOptions::mode_t {
                                              if constexpr (std::is_same_v<decltype(mode), torch::enumtype::kZeros>) {
                                                return torch::kConstant;
                                              } else {
                                                return mode;
                                              }
                                            },
                                            options.padding_mode())),
                                        /*value=*/0);
  return detail::conv2d(padded, filters, shift, options.stride(), torch::ExpandingArray<2>(0), options.dilation(),
                        options.groups());
}

at::Tensor Conv2dImpl::convolve_and_normalize(const at::Tensor& input) {
  if (!quantizes_weight()) {
    return batch_norm_->forward(convolve(input, compressed_weight(weight), bias));
  }
  if (!batch_norm_->uses_batch_statistics()) {
    const at::Tensor folded = weight * per_filter(batch_norm_->fold_factor());
    return convolve(input, compressed_weight(folded), batch_norm_->folded_bias(bias));
  }
  // Quantized folded, then unfolded: the factor goes into the scale, not through weight or output.
  return batch_norm_->forward(
      convolve(input, compressed_weight(weight, per_filter(batch_norm_->fold_divisor())), bias));
}

at::Tensor Conv2dImpl::deployed_weight() const {
  const at::Tensor pruned = Compressible::deployed_weight();
  if (!folds_batch_norm()) {
    return pruned;
  }
  const at::NoGradGuard no_grad;
  return pruned * per_filter(batch_norm_->fold_factor());
}

at::Tensor Conv2dImpl::deployed_bias() const {
  const at::NoGradGuard no_grad;
  return folds_batch_norm() ? batch_norm_->folded_bias(bias) : bias;
}

void Conv2dImpl::load_deployed(const at::Tensor& new_weight, const at::Tensor& new_bias, bool batch_norm_folded) {
  if (batch_norm_folded) {
    check(has_batch_norm(), "the file folds a batch norm into a layer that has none");
    batch_norm_ = nullptr;
    if (!bias.defined()) {
      // torch registers an undefined `bias` where there is none; a folded layer always has one.
      bias = at::zeros({options.out_channels()}, weight.options());
      parameters_["bias"] = bias;
    }
  }
  copy_deployed_("weight", weight, new_weight);
  if (bias.defined() || new_bias.defined()) {
    copy_deployed_("bias", bias, new_bias);
  }
}

}  // namespace compress::nn
