#pragma once

#include "compress/models/network.h"
#include "compress/nn/conv2d.h"
#include "compress/nn/linear.h"

namespace compress::models {

/// 3x3 convolution (children `conv`, `bn`), batch norm, ReLU. A feature tap on it records the ReLU's output.
class ConvBlockImpl : public torch::nn::Module, public distill::Tappable {
 public:
  ConvBlockImpl(int64_t in_channels, int64_t out_channels);
  at::Tensor forward(const at::Tensor& input);

 private:
  nn::Conv2d conv_;
  nn::BatchNorm2d bn_;
};
TORCH_MODULE(ConvBlock);

/// See ConvnetOptions. Layers: block1, block2, block3 (each with conv and bn), head.
class Convnet : public Network {
 public:
  Convnet(const ConvnetOptions& options, const InputShape& shape);
  at::Tensor forward(const at::Tensor& images) override;

 private:
  ConvBlock block1_{nullptr}, block2_{nullptr}, block3_{nullptr};
  nn::Linear head_{nullptr};
};

}  // namespace compress::models
