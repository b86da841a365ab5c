#include "compress/ops/cpu/range_observation.h"

#include <algorithm>
#include <cstddef>
#include <memory>

#include "compress/ops/cpu/isa/key_range.h"
#include "compress/ops/cpu/work_list.h"

namespace compress::cpu {
namespace {

constexpr int64_t grain_elements = 32768;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

int64_t bytes_of(math::FloatFormat format) {
  switch (format) {
    case math::FloatFormat::float64:
      return 8;
    case math::FloatFormat::float32:
      return 4;
    default:
      return 2;
  }
}

/// Ranges of all scales of one tensor, from `parts` parts of each scale's elements: any split gives the same result, so
/// it only follows the threads. Part p of scale s is at [p * scales + s].
class PartialRanges {
 public:
  /// A part is about `part_elements` elements.
  PartialRanges(const RangeObservation& observation, int64_t part_elements)
      : observation_(observation), geometry_(observation.geometry), scales_(geometry_.scale_count) {
    groups_ = geometry_.scale_step == 0 ? scales_ : scales_ / geometry_.segment_length;
    const int64_t group_elements = geometry_.elements() / groups_;
    // A group of rows splits only between rows: its parts need a range for each column.
    divisible_ = geometry_.scale_step == 0 ? group_elements : geometry_.segments_per_scale();
    const int64_t wanted = ceil_div(group_elements, std::max(part_elements, grain_elements));
    parts_ = std::max<int64_t>(1, std::min(wanted, divisible_));
    bounds_ = std::make_unique_for_overwrite<std::byte[]>(
        static_cast<size_t>(2 * parts_ * scales_ * bytes_of(observation.format)));
  }

  int64_t tasks() const { return groups_ * parts_; }
  int64_t elements_per_task() const { return geometry_.elements() / tasks(); }

  void take_tasks(int64_t begin, int64_t end) const {
    math::with_integer_of(bytes_of(observation_.format), [&](auto zero) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t part = task % parts_;
        take<decltype(zero)>(task / parts_, part, divisible_ * part / parts_, divisible_ * (part + 1) / parts_);
      }
    });
  }

  void update_scales(int64_t begin, int64_t end, const math::RangeRule& rule, const math::GridRule& grid) const {
    math::with_integer_of(bytes_of(observation_.format), [&](auto zero) {
      for (int64_t scale = begin; scale < end; ++scale) {
        const math::Range range = math::range_of_keys(range_of<decltype(zero)>(scale), observation_.format);
        observation_.state.take(scale, range, rule, grid);
      }
    });
  }

 private:
  template <typename Int>
  Int* lows() const {
    return reinterpret_cast<Int*>(bounds_.get());
  }
  template <typename Int>
  Int* highs() const {
    return lows<Int>() + parts_ * scales_;
  }

  template <typename Int>
  math::KeyRange<Int> range_of(int64_t scale) const {
    math::KeyRange<Int> range;
    for (int64_t part = 0; part < parts_; ++part) {
      range.take({lows<Int>()[part * scales_ + scale], highs<Int>()[part * scales_ + scale]});
    }
    return range;
  }

  // Rows (scale_step 1) or elements begin..end of a group.
  template <typename Int>
  void take(int64_t group, int64_t part, int64_t begin, int64_t end) const {
    const Int* x = static_cast<const Int*>(observation_.x);
    const int64_t length = geometry_.segment_length;
    const int64_t scales = geometry_.scale_step == 0 ? 1 : length;
    const int64_t first = group * scales;
    Int* low = lows<Int>() + part * scales_ + first;
    Int* high = highs<Int>() + part * scales_ + first;
    std::fill_n(low, scales, math::KeyRange<Int>::highest);
    std::fill_n(high, scales, math::KeyRange<Int>::lowest);
    if (geometry_.scale_step == 0) {
      take_elements(x, group, begin, end, low, high);
      return;
    }
    const auto kernel = COMPRESS_SELECT_KERNEL(key_range_columns);
    for (int64_t n = begin; n < end; ++n) {
      kernel(x + geometry_.segment_of(first, n) * length, length, sizeof(Int), low, high);
    }
  }

  // Elements begin..end of those that share one scale, run after run.
  template <typename Int>
  void take_elements(const Int* x, int64_t scale, int64_t begin, int64_t end, Int* low, Int* high) const {
    const auto kernel = COMPRESS_SELECT_KERNEL(key_range_run);
    const int64_t length = geometry_.segment_length;
    while (begin < end) {
      const int64_t n = begin / length;
      const int64_t run_end = std::min(end, (n + 1) * length);
      const int64_t offset = begin - n * length;
      kernel(x + geometry_.segment_of(scale, n) * length + offset, run_end - begin, sizeof(Int), low, high);
      begin = run_end;
    }
  }

  const RangeObservation& observation_;
  const BlockGeometry& geometry_;
  int64_t scales_;
  int64_t groups_ = 1;
  int64_t divisible_ = 1;
  int64_t parts_ = 1;
  std::unique_ptr<std::byte[]> bounds_;  // of the tensor's own integer type: lows, then highs
};

}  // namespace

void observe_ranges(const std::vector<RangeObservation>& observations, const math::RangeRule& rule,
                    const math::GridRule& grid) {
  int64_t elements = 0;
  for (const RangeObservation& observation : observations) {
    elements += observation.geometry.elements();
  }
  // One tensor splits evenly; in a line of many, a part may begin just before a thread's stretch ends.
  const int64_t parts_per_thread = observations.size() == 1 ? 1 : 4;
  const int64_t part_elements = ceil_div(elements, at::get_num_threads() * parts_per_thread);
  std::vector<PartialRanges> ranges;
  WorkList tasks;
  WorkList scales;
  ranges.reserve(observations.size());
  for (const RangeObservation& observation : observations) {
    const PartialRanges& tensor = ranges.emplace_back(observation, part_elements);
    tasks.add(tensor.tasks(), tensor.elements_per_task());
    scales.add(observation.geometry.scale_count, 1);
  }
  tasks.parallel(grain_elements,
                 [&](size_t tensor, int64_t begin, int64_t end) { ranges[tensor].take_tasks(begin, end); });
  constexpr int64_t grain_scales = 4096;
  scales.parallel(grain_scales, [&](size_t tensor, int64_t begin, int64_t end) {
    ranges[tensor].update_scales(begin, end, rule, grid);
  });
}

}  // namespace compress::cpu
