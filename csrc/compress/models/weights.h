#pragma once

#include <torch/nn.h>

#include <filesystem>
#include <string>

#include "compress/core/named_tensors.h"

namespace compress::models {

/// Parameters and buffers of a network under their dotted names, in the order of registration; the network's own
/// tensors, not copies. What a Python state_dict() holds.
NamedTensors state_dict(const torch::nn::Module& network);

/// Copies `tensors` into the network. Strict: raises Error that names `source` and the first tensors missing, unknown
/// (with the nearest name) or of another shape, or a quantizer's scale that is not positive, before anything is
/// written.
void load_state_dict(torch::nn::Module& network, const NamedTensors& tensors, const std::string& source);

/// The .safetensors file that `path` means: a file itself; model.safetensors in a checkpoint's folder; in a run folder
/// the newest checkpoint's. Raises Error where there is none, saying where it looked.
std::filesystem::path find_weights(const std::filesystem::path& path);

}  // namespace compress::models
