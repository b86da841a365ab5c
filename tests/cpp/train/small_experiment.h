#pragma once

#include <ATen/ATen.h>

#include "compress/data/dataset.h"
#include "compress/train/options.h"

namespace compress::test {

/// 64 training and 32 test images of 8x8 that a small network learns in a few steps: class k has a bright row k.
inline data::DatasetPair bright_rows() {
  const auto make = [](int64_t count) {
    data::Dataset dataset;
    dataset.classes = 4;
    dataset.targets = at::arange(count).remainder(4);
    dataset.images = at::zeros({count, 1, 8, 8}, at::kByte);
    for (int64_t i = 0; i < count; ++i) {
      dataset.images[i][0][i % 4].fill_(12 + i % 3);
    }
    dataset.normalization = {16, {0.1}, {0.3}};
    return dataset;
  };
  return {make(64), make(32)};
}

/// 3 epochs of 4 steps.
inline train::Experiment small_experiment() {
  train::Experiment experiment;
  experiment.device = train::Device::cpu;
  experiment.data.batch_size = 16;
  experiment.data.augment.shift = 1;
  experiment.model = models::ConvnetOptions{8};
  experiment.optimizer = optim::SgdOptions{0.05};
  experiment.training.duration = Duration::epochs(3);
  experiment.training.log_every = 2;
  experiment.training.checkpoint_every = Duration::steps(5);
  return experiment;
}

/// Pruning and quantization (learned weight scales) in those 12 steps.
inline std::vector<recipe::MethodOptions> small_recipe() {
  recipe::PruneOptions prune;
  prune.sparsity = 0.5;
  prune.schedule.every = 2;
  recipe::QuantizeOptions quantize;
  quantize.weight->scale = quant::ScaleSource::learned;
  quantize.start = Duration::steps(4);
  quantize.freeze_observers = Duration::steps(9);
  return {prune, quantize};
}

}  // namespace compress::test
