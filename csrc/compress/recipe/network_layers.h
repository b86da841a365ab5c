#pragma once

#include <functional>

#include "compress/models/options.h"
#include "compress/recipe/method.h"

namespace compress::recipe {

using Forward = std::function<at::Tensor(const at::Tensor&)>;

/// What methods attach to in a C++ network: its layers with slots, its taps. `forward` runs it on an input; both
/// outlive the methods. `example_input` is a small batch on the network's device, of two samples at least. A recipe
/// that distills needs `make_teacher` besides.
Attachment make_attachment(torch::nn::Module& network, Forward forward, const at::Tensor& example_input,
                           const RunLength& run);

/// The same for images of `shape`; a teacher is one of the reference networks for such images.
Attachment make_attachment(torch::nn::Module& network, Forward forward, const models::InputShape& shape,
                           const at::Device& device, const RunLength& run);

/// The network's parameters; those of quantizers (learned scales and zero points) in a group without weight decay.
std::vector<optim::ParameterGroup> network_parameter_groups(const torch::nn::Module& network);

}  // namespace compress::recipe
