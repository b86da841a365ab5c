#include "compress/ops/memory_order.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

namespace compress {

MemoryOrder::MemoryOrder(const at::Tensor& empty_like_x) : is_row_major(empty_like_x.is_contiguous()) {
  if (is_row_major) {
    return;
  }
  dims.resize(empty_like_x.dim());
  std::iota(dims.begin(), dims.end(), int64_t{0});
  std::stable_sort(dims.begin(), dims.end(),
                   [&](int64_t a, int64_t b) { return empty_like_x.stride(a) > empty_like_x.stride(b); });
}

at::Tensor MemoryOrder::permute(const at::Tensor& tensor) const {
  return is_row_major || tensor.dim() != static_cast<int64_t>(dims.size()) ? tensor : tensor.permute(dims);
}

at::Tensor MemoryOrder::contiguous(const at::Tensor& tensor) const {
  return permute(tensor).contiguous();
}

at::Tensor MemoryOrder::writable(const at::Tensor& output) const {
  const at::Tensor permuted = permute(output);
  return permuted.is_contiguous() ? permuted : at::empty(permuted.sizes(), permuted.options());
}

void MemoryOrder::deliver(const at::Tensor& written, const at::Tensor& output) const {
  if (written.const_data_ptr() != output.const_data_ptr()) {
    permute(output).copy_(written);
  }
}

}  // namespace compress
