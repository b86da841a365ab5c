#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "compress/ops/math/choose_float_scale.h"

namespace compress {

/// The scale for fake_quantize_float of an observed range: float32, of min's shape. With amax the largest magnitude in
/// min..max and `max` the format's largest value (see fake_quantize_float for the formats):
///   "float32"  amax / max, at least 2^-126
///   "e8m0"     MX: 2^(floor(log2(amax)) - emax), with 2^emax the format's largest power of two, within 2^-127..2^127:
///              OCP Microscaling Formats 1.0, section 6.3. amax 0 gives 2^-127. Values of the block above max * scale
///              saturate, as the specification says.
///   "e4m3"     NVFP4: u * unit, where unit = tensor_amax / (448 * max), at least 2^-117, is the tensor's own float32
///              scale and u = amax / max / unit rounded to FP8 E4M3, at least E4M3's smallest, 2^-9. scale / unit,
///              rounded to E4M3, is u again: what a file stores.
/// A range never observed (min +inf, max -inf) gives 1. NaN or infinity in a range, or tensor_amax, gives NaN, as
/// torch's cast to float8_e8m0fnu does, so that divergence is seen. Not differentiable.
///
/// min, max      float32, of one shape: what observe_min_max_ gives; of an amax alone: -amax and amax
/// tensor_amax   one float32, the largest magnitude of the whole tensor; needed for "e4m3", else not to be given
at::Tensor choose_float_scale(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits,
                              int64_t mantissa_bits, c10::string_view scale_format = "float32",
                              const std::optional<at::Tensor>& tensor_amax = std::nullopt);

/// The named format; it has passed the operator's checks.
math::ScaleFormat scale_format_named(c10::string_view name);

}  // namespace compress
