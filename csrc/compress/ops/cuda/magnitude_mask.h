#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/mask_layout.h"
#include "compress/ops/cuda/tensor_table.h"
#include "compress/ops/math/float_order.h"

namespace compress::cuda {

/// One bit per weight of a contiguous tensor: |weight| > *threshold, which is read on the device.
void launch_magnitude_mask(const void* weight, math::FloatFormat format, const float* threshold,
                           const MaskLayout& layout, uint8_t* mask, cudaStream_t stream);

/// A contiguous weight and where its mask is written.
struct ComparedWeight {
  const void* weight;
  uint8_t* mask;
  MaskLayout layout;
};

/// All weights of a table in one launch; they have one format.
void launch_magnitude_masks(const TensorTable<ComparedWeight>& table, math::FloatFormat format, const float* threshold,
                            cudaStream_t stream);

}  // namespace compress::cuda
