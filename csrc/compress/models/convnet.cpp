#include "compress/models/convnet.h"

#include "compress/core/error.h"

namespace compress::models {

ConvBlockImpl::ConvBlockImpl(int64_t in_channels, int64_t out_channels)
    : conv_(torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1)), bn_(out_channels) {
  register_module("conv", conv_);
  register_module("bn", bn_);
  conv_->set_batch_norm(bn_);
}

at::Tensor ConvBlockImpl::forward(const at::Tensor& input) {
  return tapped(conv_->forward(input).relu());
}

Convnet::Convnet(const ConvnetOptions& options, const InputShape& shape) {
  const int64_t width = options.width;
  check<UsageError>(width >= 2 && width % 2 == 0, "a convnet's width is even and at least 2 (got ", width, ")");
  check<UsageError>(shape.height >= 4 && shape.width >= 4, "a convnet needs images of 4x4 pixels or more (got ",
                    shape.height, "x", shape.width, ")");
  block1_ = register_module("block1", ConvBlock(shape.channels, width / 2));
  block2_ = register_module("block2", ConvBlock(width / 2, width));
  block3_ = register_module("block3", ConvBlock(width, width));
  head_ = register_module("head", nn::Linear(width * 4, shape.classes));
}

at::Tensor Convnet::forward(const at::Tensor& images) {
  at::Tensor x = block2_->forward(block1_->forward(images));
  x = block3_->forward(at::max_pool2d(x, 2));
  return head_->forward(at::adaptive_avg_pool2d(x, {2, 2}).flatten(1));
}

}  // namespace compress::models
