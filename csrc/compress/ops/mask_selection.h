#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// y = x where the packed mask keeps it, else 0: a device's kernel. All three are contiguous; y may be x.
using SelectKept = void (*)(const at::Tensor& x, const at::Tensor& mask, const at::Tensor& y);

/// apply_mask and apply_mask_ for any strides, through the device's kernel.
at::Tensor apply_mask_with(SelectKept select, const at::Tensor& x, const at::Tensor& mask);
void apply_mask_in_place_with(SelectKept select, at::Tensor& x, const at::Tensor& mask);

/// y = x where the mask keeps it, for many contiguous tensors on one device: a device's kernel. y is x.
using SelectKeptOfAll = void (*)(at::TensorList xs, at::TensorList masks);

/// apply_masks_ for any strides, through the device's kernel.
void apply_masks_in_place_with(SelectKeptOfAll select, at::TensorList xs, at::TensorList masks);

}  // namespace compress
