#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace compress::nn {

/// Copies a deployed value over a layer's parameter. Raises Error that names what is missing or of another shape.
void copy_deployed_(std::string_view name, at::Tensor& parameter, const at::Tensor& value);

}  // namespace compress::nn
