#include "compress/ops/memory_order.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace compress {

MemoryOrder::MemoryOrder(const at::Tensor& empty_like_x) : is_row_major(empty_like_x.is_contiguous()) {
  if (is_row_major) {
    return;
  }
  dims.resize(empty_like_x.dim());
  std::iota(dims.begin(), dims.end(), int64_t{0});
  std::stable_sort(dims.begin(), dims.end(),
                   [&](int64_t a, int64_t b) { return empty_like_x.sym_stride(a) > empty_like_x.sym_stride(b); });
}

MemoryOrder::MemoryOrder(std::vector<int64_t> dims) : is_row_major(dims.empty()), dims(std::move(dims)) {}

at::Tensor MemoryOrder::permute(const at::Tensor& tensor) const {
  return is_row_major || tensor.dim() != static_cast<int64_t>(dims.size()) ? tensor : tensor.permute(dims);
}

at::Tensor MemoryOrder::restore(const at::Tensor& permuted) const {
  if (is_row_major) {
    return permuted;
  }
  std::vector<int64_t> inverse(dims.size());
  for (size_t d = 0; d < dims.size(); ++d) {
    inverse[static_cast<size_t>(dims[d])] = static_cast<int64_t>(d);
  }
  return permuted.permute(inverse);
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
