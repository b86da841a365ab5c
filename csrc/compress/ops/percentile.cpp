#include "compress/ops/percentile.h"

#include <ATen/ops/any.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/kthvalue.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "compress/ops/blocks.h"

namespace compress {

void check_percentile(const char* op, double percentile) {
  TORCH_CHECK(percentile > 50.0 && percentile <= 100.0, op, ": percentile must lie in (50, 100] (got ", percentile,
              ")");
}

namespace {

// ceil(percentile / 100 * count): 99.9 % of 1,000 is the 999th, though 99.9 / 100 in binary lies a little above.
int64_t upper_rank(double percentile, int64_t count) {
  const double rank = percentile * static_cast<double>(count) / 100;
  return std::clamp<int64_t>(static_cast<int64_t>(std::ceil(rank - 1e-9 * std::max(1.0, rank))), 1, count);
}

}  // namespace

at::Tensor percentile_ranges(const at::Tensor& x, at::IntArrayRef scale_sizes, double percentile) {
  const at::Tensor blocks = as_blocks(x.to(at::kFloat), scale_sizes);
  const int64_t count = blocks.size(1);
  const int64_t upper = upper_rank(percentile, count);
  const at::Tensor low = std::get<0>(at::kthvalue(blocks, count - upper + 1, 1));
  const at::Tensor high = std::get<0>(at::kthvalue(blocks, upper, 1));
  // Among the sorted values NaN come last, beyond what a percentile sees: one of them must show all the same.
  const at::Tensor holds_nan = at::isnan(blocks).any(1, /*keepdim=*/true);
  return at::stack({low, high}, 1).masked_fill_(holds_nan, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace compress
