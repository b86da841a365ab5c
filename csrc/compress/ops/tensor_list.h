#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>

#include <string>

#include "compress/ops/optional_tensor.h"

namespace compress {

// Operators on lists check each tensor as the single operator does; the message then says at which position.

using OptionalTensors = c10::List<std::optional<at::Tensor>>;

/// Calls check() for the tensors at one position of the lists.
template <typename Check>
void check_position(const char* op, size_t position, const Check& check) {
  try {
    check();
  } catch (c10::Error& error) {
    error.add_context(op + std::string(", position ") + std::to_string(position));
    throw;
  }
}

/// Raises "op: ..." unless the list called `name` holds one entry for each of `expected` tensors.
inline void check_length(const char* op, const char* name, size_t got, size_t expected) {
  TORCH_CHECK(got == expected, op, ": ", name, " must hold one entry per tensor (got ", got, ", expected ", expected,
              ")");
}

/// Raises "op: ..." unless all tensors are on one device.
inline void check_one_device(const char* op, at::TensorList tensors) {
  for (size_t i = 1; i < tensors.size(); ++i) {
    TORCH_CHECK(tensors[i].device() == tensors[0].device(), op, ": tensors must be on one device (got ",
                tensors[i].device(), " at position ", i, ", expected ", tensors[0].device(), ")");
  }
}

/// Raises for a device without a kernel. An empty list has no device to dispatch on and passes.
inline void check_no_tensors(const char* op, at::TensorList tensors) {
  TORCH_CHECK(tensors.empty(), op, ": no kernel for this device (got ", tensors[0].device(),
              ", expected cpu, or cuda in a build with CUDA)");
}

/// An empty list stands for a missing tensor at every position.
inline OptionalTensor entry_of(at::TensorList tensors, size_t position) {
  return tensors.empty() ? OptionalTensor() : OptionalTensor(tensors[position]);
}
inline OptionalTensor entry_of(const OptionalTensors& tensors, size_t position) {
  return tensors.empty() ? OptionalTensor() : tensors.get(position);
}

}  // namespace compress
