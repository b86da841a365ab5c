#pragma once

#include <ATen/core/Tensor.h>

#include "compress/data/dataset.h"
#include "compress/models/options.h"
#include "compress/train/options.h"

namespace compress::train {

/// What the data decides about a network.
models::InputShape input_shape(const data::Dataset& dataset);

/// The device that is asked for. Raises UsageError where CUDA is, but no GPU or no CUDA build is here.
at::Device choose_device(Device device);

}  // namespace compress::train
