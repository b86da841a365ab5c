#include "compress/ops/granularity.h"

namespace compress {
namespace {

bool divides(c10::SymIntArrayRef scale, c10::SymIntArrayRef x) {
  if (scale.empty() || (scale.size() == 1 && scale[0] == 1)) {
    return true;
  }
  if (scale.size() != x.size()) {
    return false;
  }
  for (size_t d = 0; d < x.size(); ++d) {
    if (scale[d] == 0 ? x[d] != 0 : x[d] % scale[d] != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

void check_granularity(const char* op, const char* name, const at::Tensor& scale, const at::Tensor& x) {
  TORCH_CHECK(divides(scale.sym_sizes(), x.sym_sizes()), op, ": ", name,
              " must be a scalar, or have x's rank with each size dividing x's (got ", name, " ", scale.sym_sizes(),
              " for x ", x.sym_sizes(), ")");
}

BlockGeometry block_geometry(at::IntArrayRef x_sizes, at::IntArrayRef scale_sizes) {
  const char* error = nullptr;
  const BlockGeometry geometry = make_block_geometry(x_sizes.data(), static_cast<int>(x_sizes.size()),
                                                     scale_sizes.data(), static_cast<int>(scale_sizes.size()), &error);
  TORCH_CHECK(error == nullptr, "block geometry: ", error, " (got scale ", scale_sizes, " for x ", x_sizes, ")");
  return geometry;
}

}  // namespace compress
