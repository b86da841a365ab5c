#pragma once

#include <torch/nn.h>

#include <filesystem>
#include <map>
#include <string>

#include "compress/core/safetensors.h"
#include "compress/export/deployed_network.h"
#include "compress/export/packed_layer.h"

namespace compress {

/// Writes the network as it is deployed: a .safetensors file in which every layer with a slot filled is one uint8
/// tensor `<layer>.packed` (docs/packed_format.md): integers or sparse float32, bias and folded batch norm included.
/// All other tensors keep their names and types. `metadata` goes into the file's header, beside the key `format`.
/// Raises Error where no layer is compressed: such a network is an ordinary state dict.
void save_packed(const std::filesystem::path& path, torch::nn::Module& network,
                 const std::map<std::string, std::string>& metadata = {});
void save_packed(const std::filesystem::path& path, DeployedNetwork network,
                 const std::map<std::string, std::string>& metadata = {});

/// Puts a packed file into a fresh float network of the same options. In evaluation mode it then computes what the
/// compressed network did, bit for bit. Batch norms that were folded in are no longer modules of it, so it counts as it
/// is deployed, and is for running: what it saves no longer fits a network of the same options. Raises a one-line Error
/// that names file and layer, before anything is written.
void load_packed(const std::filesystem::path& path, torch::nn::Module& network);

/// Whether save_packed wrote it.
bool is_packed(const SafetensorsFile& file);

/// The layer's name where a tensor of a packed file is a layer's stream.
std::optional<std::string> packed_layer_name(const std::string& tensor_name);

/// decode_layer with `source` and the layer's name before an error's message.
PackedLayer decode_named_layer(const std::string& source, const std::string& layer, const at::Tensor& stream);

/// The file's tensors with each stream taken apart: `<layer>.weight` (float32, as computed with), `<layer>.bias`,
/// `<layer>.input_quantizer.scale` and `.zero_point`. `source` names the file in errors.
NamedTensors decode_packed(const SafetensorsFile& file, const std::string& source = "packed file");

}  // namespace compress
