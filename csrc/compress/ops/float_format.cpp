#include "compress/ops/float_format.h"

namespace compress {

void check_float_format(const char* op, const char* name, at::ScalarType type) {
  TORCH_CHECK(type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16, op, ": ", name,
              " must be float32, float64, float16 or bfloat16 (got ", type, ")");
}

math::FloatFormat float_format(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return math::FloatFormat::float64;
    case at::kHalf:
      return math::FloatFormat::float16;
    case at::kBFloat16:
      return math::FloatFormat::bfloat16;
    default:
      return math::FloatFormat::float32;
  }
}

}  // namespace compress
