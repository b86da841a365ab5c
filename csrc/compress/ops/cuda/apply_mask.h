#pragma once

#include <cuda_runtime_api.h>

#include "compress/core/mask_layout.h"
#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/mask_bits.h"
#include "compress/ops/cuda/tensor_table.h"

namespace compress::cuda {

/// y = x where its bit is set, else 0; elements of `element_size` (1, 2, 4 or 8) bytes, contiguous. y may be x.
void launch_apply_mask(const void* x, const uint8_t* mask, const MaskLayout& layout, int element_size, void* y,
                       cudaStream_t stream);

/// A contiguous tensor that is masked in place.
struct MaskedTensor {
  void* x = nullptr;
  MaskBits mask;
  int64_t elements = 0;
  Alignment alignment;

  MaskedTensor() = default;
  MaskedTensor(void* x, const PackedMask& mask, int element_size)
      : x(x), mask(mask), elements(mask.layout.rows * mask.layout.row), alignment(element_size, x) {}
};

/// Blocks that it is worth.
int64_t mask_blocks(const MaskedTensor& tensor, int element_size);

/// All tensors of a table in one launch; their elements have one size.
void launch_apply_masks(const TensorTable<MaskedTensor>& table, int element_size, cudaStream_t stream);

}  // namespace compress::cuda
