#include "compress/prune/magnitude.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "compress/ops/magnitude_mask_multi.h"
#include "compress/ops/magnitude_threshold.h"
#include "compress/ops/pack_mask.h"
#include "compress/ops/unpack_mask.h"

namespace compress::prune {
namespace {

// Bits set in each byte value, so that a packed mask is counted by one lookup.
at::Tensor bit_counts(const at::Device& device) {
  std::vector<int64_t> counts(256);
  for (int value = 0; value < 256; ++value) {
    counts[value] = __builtin_popcount(value);
  }
  return at::tensor(counts, at::TensorOptions(at::kLong).device(device));
}

// magnitude_mask prunes every weight at the threshold. Of these ties, keeps `surplus` again: not yet pruned ones
// before others, later ones before earlier ones.
void keep_ties_(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& before,
                const std::vector<at::Tensor>& masks, const at::Tensor& threshold, int64_t surplus) {
  for (const bool pruned_before : {false, true}) {
    for (size_t i = weights.size(); i-- > 0 && surplus > 0;) {
      const at::Tensor& weight = weights[i];
      const at::Tensor kept_before = unpack_mask(before[i], weight.sizes());
      const at::Tensor tied =
          (weight.detach().abs().to(at::kFloat) == threshold) & (pruned_before ? ~kept_before : kept_before);
      const at::Tensor positions = tied.flatten().nonzero().flatten();
      const int64_t taken = std::min(surplus, positions.numel());
      if (taken == 0) {
        continue;
      }
      at::Tensor kept = unpack_mask(masks[i], weight.sizes()).flatten();
      kept.index_fill_(0, positions.slice(0, positions.numel() - taken), true);
      masks[i].copy_(pack_mask(kept.view(weight.sizes())));
      surplus -= taken;
    }
  }
}

}  // namespace

void prune_smallest_(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& masks, double sparsity) {
  const at::NoGradGuard no_grad;
  int64_t elements = 0;
  std::vector<at::Tensor> before;
  for (size_t i = 0; i < weights.size(); ++i) {
    elements += weights[i].numel();
    before.push_back(masks[i].clone());
  }
  const int64_t pruned = std::llround(sparsity * static_cast<double>(elements));
  const at::Tensor threshold = magnitude_threshold(weights, sparsity);
  at::_foreach_copy_(masks, magnitude_mask_multi(weights, threshold));
  const int64_t surplus = elements - pruned - count_kept(masks);
  if (surplus > 0) {
    keep_ties_(weights, before, masks, threshold, surplus);
  }
}

int64_t count_kept(const std::vector<at::Tensor>& masks) {
  if (masks.empty()) {
    return 0;
  }
  const at::Tensor counts = bit_counts(masks.front().device());
  at::Tensor total = at::zeros({}, counts.options());
  for (const at::Tensor& mask : masks) {
    total += counts.index({mask.flatten().to(at::kLong)}).sum();
  }
  return total.item<int64_t>();
}

}  // namespace compress::prune
