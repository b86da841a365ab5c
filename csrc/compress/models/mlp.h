#pragma once

#include "compress/models/network.h"
#include "compress/nn/linear.h"

namespace compress::models {

/// See MlpOptions. Layers: fc1, fc2, ..., head.
class Mlp : public Network {
 public:
  Mlp(const MlpOptions& options, const InputShape& shape);
  at::Tensor forward(const at::Tensor& images) override;

 private:
  std::vector<nn::Linear> hidden_;
  nn::Linear head_{nullptr};
};

}  // namespace compress::models
