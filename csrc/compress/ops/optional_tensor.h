#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

// An argument that may be missing is an optional to the dispatcher, and an undefined tensor to autograd and kernels.

using OptionalTensor = std::optional<at::Tensor>;

inline at::Tensor undefined_if_none(const OptionalTensor& tensor) {
  return tensor.value_or(at::Tensor());
}

inline OptionalTensor none_if_undefined(const at::Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : std::nullopt;
}

inline at::Tensor contiguous_or_undefined(const OptionalTensor& tensor) {
  return tensor ? tensor->contiguous() : at::Tensor();
}

template <typename T>
T* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<T>() : nullptr;
}

template <typename T>
const T* const_data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<T>() : nullptr;
}

}  // namespace compress
