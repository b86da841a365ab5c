#pragma once

#include <ATen/core/Tensor.h>

#include "compress/data/dataset.h"
#include "compress/models/options.h"
#include "compress/train/options.h"

namespace compress::train {

/// What the data decides about a network.
models::InputShape input_shape(const data::Dataset& dataset);

/// The device that is asked for; automatic falls back to the CPU. Raises UsageError where CUDA is asked for and no GPU
/// is here, Error where the build has no CUDA. The first call may load CUDA, so it comes before seeds and networks (see
/// core/cuda_library.h).
at::Device choose_device(Device device);

}  // namespace compress::train
