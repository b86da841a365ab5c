#include "compress/ops/percentile.h"

#include <ATen/ops/kthvalue.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "compress/ops/blocks.h"

namespace compress {

void check_percentile(const char* op, double percentile) {
  TORCH_CHECK(percentile > 50.0 && percentile <= 100.0, op, ": percentile must lie in (50, 100] (got ", percentile,
              ")");
}

at::Tensor percentile_ranges(const at::Tensor& x, at::IntArrayRef scale_sizes, double percentile) {
  const at::Tensor blocks = as_blocks(x.to(at::kFloat), scale_sizes);
  const int64_t count = blocks.size(1);
  const int64_t upper =
      std::clamp<int64_t>(static_cast<int64_t>(std::ceil(percentile / 100 * static_cast<double>(count))), 1, count);
  const at::Tensor low = std::get<0>(at::kthvalue(blocks, count - upper + 1, 1));
  const at::Tensor high = std::get<0>(at::kthvalue(blocks, upper, 1));
  return at::stack({low, high}, 1);
}

}  // namespace compress
