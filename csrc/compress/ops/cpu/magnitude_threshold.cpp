#include "compress/ops/math/magnitude_threshold.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/gather_between.h"
#include "compress/ops/cpu/isa/radix_histogram.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/float_format.h"
#include "compress/ops/math/float_order.h"

namespace compress::cpu {
namespace {

using Histogram = std::array<int64_t, math::radix_bins>;

constexpr int64_t grain = 65536;

/// Magnitudes in several places as one sequence of elements, of which threads take equal shares.
class Magnitudes {
 public:
  explicit Magnitudes(int element_size) : element_size_(element_size) {}

  void add(const void* data, int64_t elements) {
    stretches_.push_back({static_cast<const char*>(data), this->elements()});
    ends_.push_back(this->elements() + elements);
  }

  int element_size() const { return element_size_; }
  int64_t elements() const { return ends_.empty() ? 0 : ends_.back(); }

  /// Calls body(data, count) for the stretches of memory that hold elements begin..end.
  template <typename Body>
  void over_memory(int64_t begin, int64_t end, const Body& body) const {
    size_t i = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
    for (; begin < end; ++i) {
      const int64_t count = std::min(end, ends_[i]) - begin;
      body(stretches_[i].data + (begin - stretches_[i].first) * element_size_, count);
      begin += count;
    }
  }

  Histogram histogram(int64_t prefix, math::RadixDigit digit) const {
    const auto kernel = COMPRESS_SELECT_KERNEL(radix_histogram);
    Histogram total{};
    std::mutex total_mutex;
    at::parallel_for(0, elements(), grain, [&](int64_t begin, int64_t end) {
      Histogram share{};
      over_memory(begin, end, [&](const char* data, int64_t count) {
        kernel(data, count, element_size_, prefix, digit, share.data());
      });
      const std::lock_guard lock(total_mutex);
      std::transform(share.begin(), share.end(), total.begin(), total.begin(), std::plus<>());
    });
    return total;
  }

  /// The keys of `count` elements at equal distances.
  std::vector<int64_t> sample(int64_t count) const {
    std::vector<int64_t> keys;
    keys.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      const int64_t position = elements() / count * i;
      over_memory(position, position + 1, [&](const char* data, int64_t) {
        math::with_integer_of(element_size_, [&](auto bits) {
          std::memcpy(&bits, data, sizeof(bits));
          keys.push_back(math::magnitude_key(bits));
        });
      });
    }
    return keys;
  }

 private:
  struct Stretch {
    const char* data;
    int64_t first;  // its place in the sequence
  };

  std::vector<Stretch> stretches_;
  std::vector<int64_t> ends_;
  int element_size_;
};

int64_t select_by_digits(const Magnitudes& magnitudes, int64_t rank, int key_bits) {
  int64_t key = 0;
  for (int end = key_bits; end > 0;) {
    const math::RadixDigit digit = math::digit_below(end);
    const Histogram counts = magnitudes.histogram(key, digit);
    int64_t bin = 0;
    for (; rank > counts[static_cast<size_t>(bin)]; ++bin) {
      rank -= counts[static_cast<size_t>(bin)];
    }
    key |= bin << digit.shift;
    end = digit.shift;
  }
  return key;
}

struct Keys {
  int64_t low;
  int64_t high;
};

/// Keys that most likely lie on either side of the rank-th one: four standard deviations away in a sample.
Keys keys_around(const Magnitudes& magnitudes, int64_t rank, int key_bits) {
  constexpr int64_t most_samples = 16384;
  const int64_t count = std::min(most_samples, magnitudes.elements() / 256);
  std::vector<int64_t> sample = magnitudes.sample(count);
  const double share = static_cast<double>(rank) / static_cast<double>(magnitudes.elements());
  const double place = share * static_cast<double>(count);
  const double margin = 4 * std::sqrt(place * (1 - share)) + 4;
  const auto key_at = [&](int64_t i) {
    std::nth_element(sample.begin(), sample.begin() + i, sample.end());
    return sample[static_cast<size_t>(i)];
  };
  const auto first = static_cast<int64_t>(std::floor(place - margin));
  const auto last = static_cast<int64_t>(std::ceil(place + margin));
  return {first < 0 ? -1 : key_at(first), last >= count ? (int64_t{1} << key_bits) - 1 : key_at(last)};
}

/// Reads the magnitudes once: those strictly between two keys around the wanted one are gathered, and the selection
/// goes on among them. Nothing where the sample misled, or too many are gathered (equal weights): then digits decide.
std::optional<int64_t> select_near_sample(const Magnitudes& magnitudes, int64_t rank, int key_bits) {
  const Keys around = keys_around(magnitudes, rank, key_bits);
  const int size = magnitudes.element_size();
  const auto kernel = COMPRESS_SELECT_KERNEL(gather_between);
  Magnitudes near(size);
  std::vector<std::unique_ptr<char[]>> memory;
  int64_t below = 0;
  bool too_many = false;
  std::mutex mutex;
  at::parallel_for(0, magnitudes.elements(), grain, [&](int64_t begin, int64_t end) {
    constexpr int64_t block = 4096;
    const int64_t most = (end - begin) / 8;
    auto keys = std::make_unique_for_overwrite<char[]>(static_cast<size_t>((most + block + gather_overhang) * size));
    Gathered share{0, 0};
    magnitudes.over_memory(begin, end, [&](const char* data, int64_t count) {
      for (int64_t i = 0; i < count && share.keys <= most; i += block) {
        const Gathered more = kernel(data + i * size, std::min(block, count - i), size, around.low + 1, around.high - 1,
                                     keys.get() + share.keys * size);
        share.keys += more.keys;
        share.below += more.below;
      }
    });
    const std::lock_guard lock(mutex);
    too_many = too_many || share.keys > most;
    below += share.below;
    near.add(keys.get(), share.keys);
    memory.push_back(std::move(keys));
  });
  if (too_many || rank <= below || rank > below + near.elements()) {
    return std::nullopt;
  }
  return select_by_digits(near, rank - below, key_bits);
}

int64_t select_key(const Magnitudes& magnitudes, int64_t rank, int key_bits) {
  constexpr int64_t worth_a_sample = int64_t{1} << 21;
  if (magnitudes.elements() >= worth_a_sample) {
    if (const auto key = select_near_sample(magnitudes, rank, key_bits)) {
      return *key;
    }
  }
  return select_by_digits(magnitudes, rank, key_bits);
}

at::Tensor magnitude_threshold(at::TensorList weights, double sparsity) {
  checks::magnitude_threshold(weights, sparsity);
  std::vector<at::Tensor> dense;
  Magnitudes magnitudes(static_cast<int>(weights[0].element_size()));
  for (const at::Tensor& weight : weights) {
    // The order of elements does not matter: any dense layout is read as it lies.
    dense.push_back(weight.is_non_overlapping_and_dense() ? weight : weight.contiguous());
    magnitudes.add(dense.back().const_data_ptr(), weight.numel());
  }
  const math::FloatFormat format = float_format(weights[0].scalar_type());
  const int64_t rank = math::pruned_count(sparsity, magnitudes.elements());
  float threshold = -1.0f;
  if (rank > 0) {
    threshold = math::threshold_of_key(select_key(magnitudes, rank, math::magnitude_bits(format)), format);
  }
  return at::full({}, threshold, weights[0].options().dtype(at::kFloat));
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("magnitude_threshold", TORCH_FN(magnitude_threshold));
}

}  // namespace
}  // namespace compress::cpu
