#pragma once

#include "compress/data/dataset.h"
#include "compress/models/network.h"
#include "compress/train/observer.h"
#include "compress/train/options.h"

namespace compress::train {

/// Runs the network over the data set in evaluation mode, without gradients; its mode is restored.
Evaluation evaluate(models::Network& network, const data::Dataset& dataset, const at::Device& device,
                    Precision precision = Precision::float32);

}  // namespace compress::train
