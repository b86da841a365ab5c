#include "compress/models/mlp.h"

#include "compress/core/error.h"

namespace compress::models {

Mlp::Mlp(const MlpOptions& options, const InputShape& shape) {
  int64_t inputs = shape.channels * shape.height * shape.width;
  for (const int64_t width : options.hidden) {
    check<UsageError>(width > 0, "an mlp's hidden widths are positive (got ", width, ")");
    const std::string name = "fc" + std::to_string(hidden_.size() + 1);
    hidden_.push_back(register_module(name, nn::Linear(inputs, width)));
    inputs = width;
  }
  head_ = register_module("head", nn::Linear(inputs, shape.classes));
}

at::Tensor Mlp::forward(const at::Tensor& images) {
  at::Tensor x = images.flatten(1);
  for (nn::Linear& layer : hidden_) {
    x = layer->forward(x).relu();
  }
  return head_->forward(x);
}

}  // namespace compress::models
