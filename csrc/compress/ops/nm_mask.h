#pragma once

#include <ATen/core/Tensor.h>

#include "compress/ops/math/nm_mask.h"

namespace compress {

/// The packed mask (see pack_mask) that keeps the n largest |score| of every m consecutive elements: 2:4 is what sparse
/// tensor cores multiply (Mishra et al. 2021), any n:m up to 16 is taken. Usually score is the weight itself. One pass:
/// 1 bit written per element.
///
/// Groups run along the inputs that a product adds up: dimension 1 of a linear weight [out, in] and of a conv weight
/// [out, in, kh, kw] (at each kernel position by itself), as NVIDIA's ASP; the only dimension of a vector.
/// Of equal magnitudes the first are kept. NaN counts as larger than infinity, and all NaN as equal, so that divergence
/// is seen.
///
/// score   float32, float64, float16 or bfloat16, any strides; the grouped dimension's size is a multiple of m
/// n, m    1 <= n <= m <= 16
at::Tensor nm_mask(const at::Tensor& score, int64_t n, int64_t m);

/// The groups of a contiguous tensor of these sizes; they have passed nm_mask's checks.
math::NmGroups nm_groups(at::IntArrayRef sizes, int64_t n, int64_t m);

}  // namespace compress
