#include "compress/ops/math/observe_min_max.h"

#include <ATen/core/Tensor.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "compress/ops/cpu/isa/key_range.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/float_format.h"
#include "compress/ops/range_observation.h"

namespace compress::cpu {
namespace {

constexpr int64_t grain_elements = 32768;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// Ranges of all scales, from `parts` parts of each scale's elements: any split gives the same result, so it only
/// follows the threads. Part p of scale s is at [p * scales + s].
template <typename Int>
class PartialRanges {
 public:
  PartialRanges(const BlockGeometry& geometry, const void* x)
      : geometry_(geometry), x_(static_cast<const Int*>(x)), scales_(geometry.scale_count) {
    const int64_t groups = geometry.scale_step == 0 ? scales_ : scales_ / geometry.segment_length;
    const int64_t group_elements = geometry.elements() / groups;
    // A group of rows splits only between rows: its parts need a range for each column.
    const int64_t divisible = geometry.scale_step == 0 ? group_elements : geometry.segments_per_scale();
    const int64_t wanted = ceil_div(at::get_num_threads(), groups);
    parts_ = std::max<int64_t>(1, std::min({wanted, divisible, ceil_div(group_elements, grain_elements)}));
    low_.assign(static_cast<size_t>(parts_ * scales_), std::numeric_limits<Int>::max());
    high_.assign(static_cast<size_t>(parts_ * scales_), std::numeric_limits<Int>::min());
    const int64_t grain = std::max<int64_t>(1, grain_elements * parts_ / std::max<int64_t>(1, group_elements));
    at::parallel_for(0, groups * parts_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t part = task % parts_;
        take(task / parts_, part, divisible * part / parts_, divisible * (part + 1) / parts_);
      }
    });
  }

  math::KeyRange<Int> operator[](int64_t scale) const {
    math::KeyRange<Int> range;
    for (int64_t part = 0; part < parts_; ++part) {
      const size_t i = static_cast<size_t>(part * scales_ + scale);
      range.take({low_[i], high_[i]});
    }
    return range;
  }

 private:
  void take(int64_t group, int64_t part, int64_t begin, int64_t end) {
    const int64_t length = geometry_.segment_length;
    if (geometry_.scale_step == 0) {
      take_elements(group, part * scales_ + group, begin, end);
      return;
    }
    const auto kernel = COMPRESS_SELECT_KERNEL(key_range_columns);
    const int64_t first = group * length;
    const int64_t slot = part * scales_ + first;
    for (int64_t n = begin; n < end; ++n) {
      kernel(x_ + geometry_.segment_of(first, n) * length, length, sizeof(Int), &low_[static_cast<size_t>(slot)],
             &high_[static_cast<size_t>(slot)]);
    }
  }

  // Elements begin..end of those that share one scale, run after run.
  void take_elements(int64_t scale, int64_t slot, int64_t begin, int64_t end) {
    const auto kernel = COMPRESS_SELECT_KERNEL(key_range_run);
    const int64_t length = geometry_.segment_length;
    while (begin < end) {
      const int64_t n = begin / length;
      const int64_t run_end = std::min(end, (n + 1) * length);
      const int64_t offset = begin - n * length;
      kernel(x_ + geometry_.segment_of(scale, n) * length + offset, run_end - begin, sizeof(Int),
             &low_[static_cast<size_t>(slot)], &high_[static_cast<size_t>(slot)]);
      begin = run_end;
    }
  }

  const BlockGeometry& geometry_;
  const Int* x_;
  int64_t scales_;
  int64_t parts_ = 1;
  std::vector<Int> low_;
  std::vector<Int> high_;
};

void observe(const at::Tensor& x, const BlockGeometry& geometry, float averaging, float* min, float* max) {
  const math::FloatFormat format = float_format(x.scalar_type());
  math::with_integer_of(x.element_size(), [&](auto zero) {
    const PartialRanges<decltype(zero)> ranges(geometry, x.const_data_ptr());
    constexpr int64_t grain_scales = 4096;
    at::parallel_for(0, geometry.scale_count, grain_scales, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const math::Range state = math::observed({min[i], max[i]}, math::range_of_keys(ranges[i], format), averaging);
        min[i] = state.min;
        max[i] = state.max;
      }
    });
  });
}

void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging) {
  observe_min_max_with(&observe, min, max, x, averaging);
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("observe_min_max_", TORCH_FN(observe_min_max_));
}

}  // namespace
}  // namespace compress::cpu
