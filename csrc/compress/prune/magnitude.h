#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace compress::prune {

/// Sets the packed `masks` so that exactly round(sparsity * elements) of all `weights` together are pruned, smallest
/// magnitude first. Ties: weights that `masks` prunes already go first, then the first in order.
void prune_smallest_(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& masks, double sparsity);

/// How many elements of all weights the packed masks keep.
int64_t count_kept(const std::vector<at::Tensor>& masks);

}  // namespace compress::prune
