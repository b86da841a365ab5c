#include "compress/quant/percentile.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "compress/core/error.h"
#include "compress/quant/blocks.h"

namespace compress::quant {

std::tuple<at::Tensor, at::Tensor> percentile_range(const at::Tensor& x, const at::Tensor& like, double percentile) {
  check<UsageError>(percentile > 50 && percentile <= 100, "percentile must be in (50, 100] (got ", percentile, ")");
  const at::Tensor blocks = as_blocks(x.detach().to(at::kFloat), like.sizes());
  const int64_t count = blocks.size(1);
  const int64_t upper =
      std::clamp<int64_t>(static_cast<int64_t>(std::ceil(percentile / 100 * static_cast<double>(count))), 1, count);
  const at::Tensor low = std::get<0>(blocks.kthvalue(count - upper + 1, 1));
  const at::Tensor high = std::get<0>(blocks.kthvalue(upper, 1));
  return {low.view(like.sizes()), high.view(like.sizes())};
}

}  // namespace compress::quant
