#include "compress/ops/math/magnitude_threshold.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/radix_histogram.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/float_format.h"

namespace compress::cpu {
namespace {

using Histogram = std::array<int64_t, math::radix_bins>;

/// All weights as one sequence of elements, of which threads take equal shares.
class WeightSequence {
 public:
  explicit WeightSequence(at::TensorList weights) : element_size_(static_cast<int>(weights[0].element_size())) {
    for (const at::Tensor& weight : weights) {
      // The order of elements does not matter: any dense layout is read as it lies.
      tensors_.push_back(weight.is_non_overlapping_and_dense() ? weight : weight.contiguous());
      ends_.push_back(elements() + weight.numel());
    }
  }

  int64_t elements() const { return ends_.empty() ? 0 : ends_.back(); }

  Histogram histogram(int64_t prefix, math::RadixDigit digit) const {
    constexpr int64_t grain = 65536;
    Histogram total{};
    std::mutex total_mutex;
    at::parallel_for(0, elements(), grain, [&](int64_t begin, int64_t end) {
      Histogram share{};
      count(begin, end, prefix, digit, share.data());
      const std::lock_guard lock(total_mutex);
      std::transform(share.begin(), share.end(), total.begin(), total.begin(), std::plus<>());
    });
    return total;
  }

 private:
  void count(int64_t begin, int64_t end, int64_t prefix, math::RadixDigit digit, int64_t* bins) const {
    const auto kernel = COMPRESS_SELECT_KERNEL(radix_histogram);
    size_t i = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
    for (; begin < end; ++i) {
      const int64_t offset = begin - (ends_[i] - tensors_[i].numel());
      const int64_t elements = std::min(end, ends_[i]) - begin;
      kernel(static_cast<const char*>(tensors_[i].const_data_ptr()) + offset * element_size_, elements, element_size_,
             prefix, digit, bins);
      begin += elements;
    }
  }

  std::vector<at::Tensor> tensors_;
  std::vector<int64_t> ends_;
  int element_size_;
};

int64_t select_key(const WeightSequence& weights, int64_t rank, int key_bits) {
  int64_t key = 0;
  for (int end = key_bits; end > 0;) {
    const math::RadixDigit digit = math::digit_below(end);
    const Histogram counts = weights.histogram(key, digit);
    int64_t bin = 0;
    for (; rank > counts[static_cast<size_t>(bin)]; ++bin) {
      rank -= counts[static_cast<size_t>(bin)];
    }
    key |= bin << digit.shift;
    end = digit.shift;
  }
  return key;
}

at::Tensor magnitude_threshold(at::TensorList weights, double sparsity) {
  checks::magnitude_threshold(weights, sparsity);
  const WeightSequence sequence(weights);
  const math::FloatFormat format = float_format(weights[0].scalar_type());
  const int64_t rank = math::pruned_count(sparsity, sequence.elements());
  float threshold = -1.0f;
  if (rank > 0) {
    threshold = math::threshold_of_key(select_key(sequence, rank, math::magnitude_bits(format)), format);
  }
  return at::full({}, threshold, weights[0].options().dtype(at::kFloat));
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("magnitude_threshold", TORCH_FN(magnitude_threshold));
}

}  // namespace
}  // namespace compress::cpu
