#pragma once

#include <torch/nn.h>

#include <functional>
#include <string>

namespace compress::train {

/// Watches the loss of every step for NaN and Inf without making the host wait for a GPU: the first bad step is kept on
/// the device until somebody asks.
class DivergenceWatch {
 public:
  explicit DivergenceWatch(const at::Device& device);
  void add(int64_t step, const at::Tensor& loss);
  /// The first step whose loss was not finite; -1 while there is none. Waits for the device.
  int64_t first_bad_step() const;

 private:
  at::Tensor first_bad_step_;
};

/// Where a network went wrong, for a message: "parameter 'block1.conv.weight' holds NaN", else the first layer whose
/// output on `input` is not finite, else a buffer that holds NaN, else that all of them are finite.
std::string describe_divergence(torch::nn::Module& network, const std::function<at::Tensor(const at::Tensor&)>& forward,
                                const at::Tensor& input);

}  // namespace compress::train
