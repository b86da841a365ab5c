#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "compress/core/mask_layout.h"

namespace compress {

/// The sizes of the packed mask of a tensor of these sizes (see pack_mask).
c10::SymDimVector packed_mask_sizes(c10::SymIntArrayRef sizes);

/// Memory for the packed mask of `tensor`, on its device.
at::Tensor empty_packed_mask(const at::Tensor& tensor);
std::vector<at::Tensor> empty_packed_masks(at::TensorList tensors);

/// Raises "op: ..." unless `mask` is the packed mask of a tensor of `sizes` on `device`.
void check_packed_mask(const char* op, const at::Tensor& mask, c10::SymIntArrayRef sizes, at::Device device);

inline MaskLayout make_mask_layout(at::IntArrayRef sizes) {
  return make_mask_layout(sizes.data(), static_cast<int64_t>(sizes.size()));
}

}  // namespace compress
