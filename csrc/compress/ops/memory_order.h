#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace compress {

/// The permutation of dimensions under which at::empty_like(x) is contiguous: channels-last tensors keep their layout.
/// A scale permuted alike says the same granularity.
struct MemoryOrder {
  MemoryOrder() = default;  // row-major
  explicit MemoryOrder(const at::Tensor& empty_like_x);
  /// One whose `dims` were kept; none of them is row-major.
  explicit MemoryOrder(std::vector<int64_t> dims);

  bool is_row_major = true;
  std::vector<int64_t> dims;

  /// A contiguous tensor: a view where `tensor` already lies in this order. A tensor of another rank (a scalar scale)
  /// is not permuted.
  at::Tensor contiguous(const at::Tensor& tensor) const;
  /// The view of `tensor`, which lies in this order, that `contiguous` makes.
  at::Tensor permute(const at::Tensor& tensor) const;
  /// The inverse of permute.
  at::Tensor restore(const at::Tensor& permuted) const;

  /// What a kernel writes `output` through: a contiguous view of it, or new memory where no view is contiguous.
  at::Tensor writable(const at::Tensor& output) const;
  /// Ends the use of `written`, which `writable(output)` gave: new memory is copied to output.
  void deliver(const at::Tensor& written, const at::Tensor& output) const;
};

}  // namespace compress
