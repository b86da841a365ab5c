#pragma once

#include <torch/nn.h>

#include <filesystem>

#include "compress/core/named_tensors.h"
#include "compress/optim/optimizer.h"
#include "compress/recipe/compressor.h"
#include "compress/train/run_folder.h"
#include "compress/train/training_state.h"

namespace compress::train {

/// Everything that a run needs to go on bit for bit.
struct Resumable {
  torch::nn::Module& network;
  optim::Optimizer& optimizer;
  recipe::Compressor& compressor;
  TrainingState& state;
};

/// The files of a checkpoint.
struct CheckpointTensors {
  NamedTensors network;   ///< model.safetensors: the state dict
  NamedTensors training;  ///< optimizer.safetensors: `<parameter>.<buffer>`, `recipe.<tensor>`, `generator.cpu`
};

/// Writes checkpoints/step_XXXXXXXX/ (model.safetensors, optimizer.safetensors, state.json) aside, syncs, renames,
/// points `latest` to it and removes all but the newest `keep`. Returns the folder.
std::filesystem::path save_checkpoint(const RunFolder& run, const CheckpointTensors& tensors,
                                      const TrainingState& state, int64_t keep);
std::filesystem::path save_checkpoint(const RunFolder& run, const Resumable& what, int64_t keep);

/// Loads in place. Raises Error that names the file and what does not fit, before the run is changed.
void load_checkpoint(const std::filesystem::path& folder, const Resumable& what);

}  // namespace compress::train
