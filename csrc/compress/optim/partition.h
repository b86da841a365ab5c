#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

namespace compress::optim {

/// Indices of `tensors` by device and dtype, in the order in which each pair first appears: what one fused or foreach
/// kernel can take.
std::vector<std::vector<size_t>> partition_by_device_and_dtype(const std::vector<at::Tensor>& tensors);

/// The tensors at these indices.
std::vector<at::Tensor> select(const std::vector<at::Tensor>& tensors, const std::vector<size_t>& indices);

}  // namespace compress::optim
