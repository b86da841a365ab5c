#pragma once

#include <torch/nn.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compress/distill/tap.h"

namespace compress::distill {

struct TeacherOutput {
  at::Tensor logits;
  std::vector<at::Tensor> features;  ///< in the order of the layers that were asked for
};

/// A frozen network that a student learns from: its parameters lose requires_grad, and it runs in evaluation mode and
/// without a graph, also after somebody has called train() on it or on a parent.
class Teacher {
 public:
  using Forward = std::function<at::Tensor(const at::Tensor&)>;

  /// forward  runs `module` on an input and returns its logits
  /// taps     dotted names of the layers whose outputs are features; one name may stand twice.
  /// Raises UsageError where a layer is not found or cannot be tapped.
  Teacher(Forward forward, std::shared_ptr<torch::nn::Module> module, const std::vector<std::string>& taps = {});

  TeacherOutput operator()(const at::Tensor& input) const;

  const std::shared_ptr<torch::nn::Module>& module() const { return module_; }

 private:
  Forward forward_;
  std::shared_ptr<torch::nn::Module> module_;
  std::vector<std::shared_ptr<Tap>> taps_;  ///< one per feature
};

}  // namespace compress::distill
