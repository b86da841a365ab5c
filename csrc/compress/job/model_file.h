#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "compress/models/network.h"

namespace compress::job {

/// What a final model file says about the network it belongs to (in its metadata).
struct ModelDescription {
  models::ModelOptions options;
  models::InputShape shape;
};

/// Writes a run's final model: packed where any layer is masked or quantized, else its plain state dict.
void save_model(const std::filesystem::path& path, models::Network& network, const ModelDescription& description);

/// A network as it is deployed, with the description it was saved with.
struct LoadedModel {
  std::shared_ptr<models::Network> network;
  ModelDescription description;
  bool packed = false;
};

/// Builds the network that the file describes and loads it. Raises Error for a file that save_model did not write.
LoadedModel load_model(const std::filesystem::path& path);

}  // namespace compress::job
