#pragma once

#include <cstdint>

#include "compress/ops/cpu/isa/isa.h"
#include "compress/ops/math/fake_quantize_float.h"

namespace compress::cpu {

/// Elements begin..end - 1 of the forward, or where call.grad is set of the backward.
COMPRESS_DECLARE_KERNEL(void fake_quantize_float_range(const math::FakeQuantizeFloatCall& call, int64_t begin,
                                                       int64_t end))

}  // namespace compress::cpu
