#include "compress/optim/partition.h"

#include <algorithm>

namespace compress::optim {

std::vector<std::vector<size_t>> partition_by_device_and_dtype(const std::vector<at::Tensor>& tensors) {
  std::vector<std::vector<size_t>> parts;
  for (size_t i = 0; i < tensors.size(); ++i) {
    // A model has one or two kinds of parameters: a search of the few parts needs no ordering of devices.
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const std::vector<size_t>& known) {
      const at::Tensor& first = tensors[known.front()];
      return first.device() == tensors[i].device() && first.scalar_type() == tensors[i].scalar_type();
    });
    if (part == parts.end()) {
      parts.push_back({i});
    } else {
      part->push_back(i);
    }
  }
  return parts;
}

std::vector<at::Tensor> select(const std::vector<at::Tensor>& tensors, const std::vector<size_t>& indices) {
  std::vector<at::Tensor> result;
  result.reserve(indices.size());
  for (const size_t index : indices) {
    result.push_back(tensors[index]);
  }
  return result;
}

}  // namespace compress::optim
