#pragma once

#include <ATen/core/Tensor.h>

#include "compress/ops/math/fake_quantize_float.h"
#include "compress/ops/memory_order.h"
#include "compress/ops/optional_tensor.h"

namespace compress {

/// A device's kernel of fake_quantize_float and its backward.
using FakeQuantizeFloatKernel = void (*)(const math::FakeQuantizeFloatCall& call);

/// fake_quantize_float for any strides through the device's kernel, which is called for at least one element; with
/// `grad` its backward. The arguments have passed the operator's checks.
at::Tensor fake_quantize_float_with(FakeQuantizeFloatKernel kernel, const OptionalTensor& grad, const at::Tensor& x,
                                    const at::Tensor& scale, int64_t exponent_bits, int64_t mantissa_bits,
                                    const OptionalTensor& mask);

}  // namespace compress
