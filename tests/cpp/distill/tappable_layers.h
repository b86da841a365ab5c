#pragma once

#include <torch/nn.h>

#include <string>

#include "compress/distill/tap.h"

namespace compress::distill {

/// A Linear that can be tapped.
class TappableLinear : public torch::nn::Module, public Tappable {
 public:
  TappableLinear(int64_t in, int64_t out) : linear_(register_module("linear", torch::nn::Linear(in, out))) {}
  at::Tensor forward(const at::Tensor& x) { return tapped(linear_->forward(x)); }

 private:
  torch::nn::Linear linear_;
};

/// 6 -> 5 -> 4 -> 3: layers stem, body.first and head can be tapped, dropout cannot; dropout tells training from
/// evaluation.
class SmallNetwork : public torch::nn::Module {
 public:
  SmallNetwork()
      : stem(register_module("stem", std::make_shared<TappableLinear>(6, 5))),
        body(register_module("body", std::make_shared<torch::nn::Module>("Body"))),
        first(body->register_module("first", std::make_shared<TappableLinear>(5, 4))),
        dropout(register_module("dropout", torch::nn::Dropout(0.5))),
        head(register_module("head", std::make_shared<TappableLinear>(4, 3))) {}

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor hidden = first->forward(stem->forward(x).relu());
    return head->forward(dropout->forward(hidden.relu()));
  }

  std::shared_ptr<TappableLinear> stem;
  std::shared_ptr<torch::nn::Module> body;
  std::shared_ptr<TappableLinear> first;
  torch::nn::Dropout dropout;
  std::shared_ptr<TappableLinear> head;
};

}  // namespace compress::distill
