#include "compress/ops/blocks.h"

#include <c10/util/accumulate.h>

#include <vector>

namespace compress {

// [N, K] with scale [N, K/g] is viewed as [N, 1, K/g, g]; scales come first: [N, K/g, 1, g].
at::Tensor as_blocks(const at::Tensor& x, at::IntArrayRef scale_sizes) {
  const int64_t scales = c10::multiply_integers(scale_sizes);
  if (scales == 1) {
    return x.reshape({1, x.numel()});
  }
  const auto dims = static_cast<int64_t>(scale_sizes.size());
  std::vector<int64_t> split;
  std::vector<int64_t> order(2 * dims);
  for (int64_t d = 0; d < dims; ++d) {
    split.push_back(scale_sizes[d]);
    split.push_back(x.size(d) / scale_sizes[d]);
    order[d] = 2 * d;
    order[dims + d] = 2 * d + 1;
  }
  return x.reshape(split).permute(order).reshape({scales, x.numel() / scales});
}

}  // namespace compress
