#include "compress/models/resnet.h"

#include "compress/core/error.h"
#include "compress/nn/conv2d.h"
#include "compress/nn/linear.h"

namespace compress::models {
namespace {

nn::Conv2d make_convolution(int64_t in_channels, int64_t out_channels, int64_t kernel, int64_t stride) {
  nn::Conv2d convolution(
      torch::nn::Conv2dOptions(in_channels, out_channels, kernel).stride(stride).padding(kernel / 2).bias(false));
  torch::nn::init::kaiming_normal_(convolution->weight, 0, torch::kFanOut, torch::kReLU);
  return convolution;
}

/// conv1-bn1-relu-conv2-bn2(-relu-conv3-bn3) + shortcut, relu. A tap records the block's output.
class BlockImpl : public torch::nn::Module, public distill::Tappable {
 public:
  BlockImpl(int64_t in_channels, int64_t width, int64_t stride, bool bottleneck) {
    const int64_t out_channels = bottleneck ? 4 * width : width;
    if (bottleneck) {
      add(in_channels, width, 1, 1);
      add(width, width, 3, stride);
      add(width, out_channels, 1, 1);
    } else {
      add(in_channels, width, 3, stride);
      add(width, width, 3, 1);
    }
    if (stride != 1 || in_channels != out_channels) {
      nn::BatchNorm2d bn(out_channels);
      shortcut_ = make_convolution(in_channels, out_channels, 1, stride);
      shortcut_->set_batch_norm(bn);
      torch::nn::Sequential downsample;
      downsample->push_back(shortcut_);
      downsample->push_back(bn);
      register_module("downsample", downsample);
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (size_t i = 0; i + 1 < branch_.size(); ++i) {
      x = branch_[i]->forward(x).relu();
    }
    x = branch_.back()->forward(x);
    const at::Tensor shortcut = shortcut_.is_empty() ? input : shortcut_->forward(input);
    return tapped((x + shortcut).relu());
  }

 private:
  void add(int64_t in_channels, int64_t out_channels, int64_t kernel, int64_t stride) {
    const std::string number = std::to_string(branch_.size() + 1);
    branch_.push_back(register_module("conv" + number, make_convolution(in_channels, out_channels, kernel, stride)));
    nn::BatchNorm2d bn = register_module("bn" + number, nn::BatchNorm2d(out_channels));
    branch_.back()->set_batch_norm(bn);
  }

  std::vector<nn::Conv2d> branch_;
  nn::Conv2d shortcut_{nullptr};
};
TORCH_MODULE(Block);

/// A stage, `layer1`...: blocks 0, 1, 2... in a row. A tap records the last block's output.
class StageImpl : public torch::nn::Module, public distill::Tappable {
 public:
  StageImpl(int64_t in_channels, int64_t width, int64_t blocks, int64_t stride, bool bottleneck) {
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t inputs = i == 0 ? in_channels : (bottleneck ? 4 * width : width);
      blocks_.push_back(register_module(std::to_string(i), Block(inputs, width, i == 0 ? stride : 1, bottleneck)));
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (Block& block : blocks_) {
      x = block->forward(x);
    }
    return tapped(x);
  }

 private:
  std::vector<Block> blocks_;
};
TORCH_MODULE(Stage);

struct Plan {
  std::vector<int64_t> blocks;  // of each stage
  int64_t width;                // of the first stage; doubles from stage to stage
  bool bottleneck;
  bool imagenet_stem;  // 7x7 stride 2 and max pooling, else 3x3
};

Plan plan_of(int64_t depth) {
  switch (depth) {
    case 20:
    case 32:
    case 56:
      return {std::vector<int64_t>(3, (depth - 2) / 6), 16, false, false};
    case 18:
      return {{2, 2, 2, 2}, 64, false, true};
    case 50:
      return {{3, 4, 6, 3}, 64, true, true};
    default:
      fail<UsageError>("a resnet's depth is 20, 32, 56 (CIFAR) or 18, 50 (ImageNet) (got ", depth, ")");
  }
}

class Resnet : public Network {
 public:
  Resnet(const Plan& plan, const InputShape& shape) : imagenet_stem_(plan.imagenet_stem) {
    conv1_ = register_module(
        "conv1", make_convolution(shape.channels, plan.width, imagenet_stem_ ? 7 : 3, imagenet_stem_ ? 2 : 1));
    nn::BatchNorm2d bn1 = register_module("bn1", nn::BatchNorm2d(plan.width));
    conv1_->set_batch_norm(bn1);
    int64_t channels = plan.width;
    int64_t width = plan.width;
    for (size_t i = 0; i < plan.blocks.size(); ++i, width *= 2) {
      stages_.push_back(register_module("layer" + std::to_string(i + 1),
                                        Stage(channels, width, plan.blocks[i], i == 0 ? 1 : 2, plan.bottleneck)));
      channels = plan.bottleneck ? 4 * width : width;
    }
    fc_ = register_module("fc", nn::Linear(channels, shape.classes));
  }

  at::Tensor forward(const at::Tensor& images) override {
    at::Tensor x = conv1_->forward(images).relu();
    if (imagenet_stem_) {
      x = at::max_pool2d(x, 3, 2, 1);
    }
    for (Stage& stage : stages_) {
      x = stage->forward(x);
    }
    return fc_->forward(at::adaptive_avg_pool2d(x, {1, 1}).flatten(1));
  }

 private:
  bool imagenet_stem_;
  nn::Conv2d conv1_{nullptr};
  std::vector<Stage> stages_;
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Network> make_resnet(const ResnetOptions& options, const InputShape& shape) {
  return std::make_shared<Resnet>(plan_of(options.depth), shape);
}

}  // namespace compress::models
