#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace compress {

/// Tensors by name, in a fixed order: what checkpoints and engines exchange.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace compress
