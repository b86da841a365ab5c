#include "compress/ops/cpu/range_observation.h"

#include <algorithm>
#include <cstddef>
#include <memory>

#include "compress/ops/cpu/isa/key_range.h"
#include "compress/ops/cpu/isa/take_ranges.h"
#include "compress/ops/cpu/work_list.h"

namespace compress::cpu {
namespace {

constexpr int64_t grain_elements = 32768;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// Ranges of all scales of one tensor, from `parts` parts of each scale's elements: any split gives the same result, so
/// it only follows the threads. Part p of scale s is at [p * scales + s].
class PartialRanges {
 public:
  /// A part is about `part_elements` elements.
  PartialRanges(const RangeObservation& observation, const math::RangeRule& rule, const math::GridRule& grid,
                int64_t part_elements)
      : observation_(observation),
        geometry_(observation.geometry),
        rule_(rule),
        grid_(grid),
        element_size_(bytes_of(observation.format)),
        scales_(geometry_.scale_count) {
    scales_per_group_ = geometry_.scale_step == 0 ? 1 : geometry_.segment_length;
    groups_ = scales_ / scales_per_group_;
    const int64_t group_elements = geometry_.elements() / groups_;
    // A group of rows splits only between rows: its parts need a range for each column.
    divisible_ = geometry_.scale_step == 0 ? group_elements : geometry_.segments_per_scale();
    const int64_t wanted = ceil_div(group_elements, std::max(part_elements, grain_elements));
    parts_ = std::max<int64_t>(1, std::min(wanted, divisible_));
    if (!takes_runs()) {
      bounds_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<size_t>(2 * parts_ * scales_ * element_size_));
    }
  }

  int64_t tasks() const { return groups_ * parts_; }
  int64_t elements_per_task() const { return geometry_.elements() / tasks(); }

  /// Takes the tasks' elements; with them the scales' states, unless other tasks have a part in them.
  void take_tasks(int64_t begin, int64_t end) const {
    math::with_integer_of(element_size_, [&](auto zero) {
      using Int = decltype(zero);
      if (takes_runs()) {
        take_runs<Int>(begin, end);
        return;
      }
      for (int64_t task = begin; task < end; ++task) {
        const int64_t part = task % parts_;
        take<Int>(task / parts_, part, divisible_ * part / parts_, divisible_ * (part + 1) / parts_);
      }
      if (parts_ == 1) {
        update<Int>(begin * scales_per_group_, end * scales_per_group_);
      }
    });
  }

  /// Scales whose states `take_tasks` leaves to update_scales.
  int64_t scales_left() const { return parts_ == 1 ? 0 : scales_; }

  void update_scales(int64_t begin, int64_t end) const {
    math::with_integer_of(element_size_, [&](auto zero) { update<decltype(zero)>(begin, end); });
  }

 private:
  /// Whether each scale's elements are neighbours, taken by one task: then keys need no memory of their own.
  bool takes_runs() const { return parts_ == 1 && geometry_.scale_step == 0 && geometry_.one_to_one; }

  template <typename Int>
  Int* lows() const {
    return reinterpret_cast<Int*>(bounds_.get());
  }
  template <typename Int>
  Int* highs() const {
    return lows<Int>() + parts_ * scales_;
  }

  template <typename Int>
  void take_runs(int64_t begin, int64_t end) const {
    const auto kernel = COMPRESS_SELECT_KERNEL(key_range_groups);
    const int64_t length = geometry_.segment_length;
    Int low[most_ranges];
    Int high[most_ranges];
    for (int64_t scale = begin; scale < end; scale += most_ranges) {
      const int64_t count = std::min(most_ranges, end - scale);
      kernel(static_cast<const Int*>(observation_.x) + scale * length, count, length, element_size_, low, high);
      update_states(scale, count, low, high);
    }
  }

  // Scales begin..end from all their parts.
  template <typename Int>
  void update(int64_t begin, int64_t end) const {
    Int low[most_ranges];
    Int high[most_ranges];
    for (int64_t scale = begin; scale < end; scale += most_ranges) {
      const int64_t count = std::min(most_ranges, end - scale);
      std::fill_n(low, count, math::KeyRange<Int>::highest);
      std::fill_n(high, count, math::KeyRange<Int>::lowest);
      for (int64_t part = 0; part < parts_; ++part) {
        const int64_t first = part * scales_ + scale;
        for (int64_t i = 0; i < count; ++i) {
          low[i] = std::min(low[i], lows<Int>()[first + i]);
          high[i] = std::max(high[i], highs<Int>()[first + i]);
        }
      }
      update_states(scale, count, low, high);
    }
  }

  void update_states(int64_t first, int64_t count, const void* low, const void* high) const {
    const math::ObserverState& state = observation_.state;
    const auto kernel = COMPRESS_SELECT_KERNEL(take_ranges);
    kernel(low, high, first, count, observation_.format, rule_, state);
    for (int64_t scale = first; scale < first + count; ++scale) {
      state.choose(scale, grid_);
    }
  }

  // Rows (scale_step 1) or elements begin..end of a group.
  template <typename Int>
  void take(int64_t group, int64_t part, int64_t begin, int64_t end) const {
    const Int* x = static_cast<const Int*>(observation_.x);
    const int64_t length = geometry_.segment_length;
    const int64_t first = group * scales_per_group_;
    Int* low = lows<Int>() + part * scales_ + first;
    Int* high = highs<Int>() + part * scales_ + first;
    std::fill_n(low, scales_per_group_, math::KeyRange<Int>::highest);
    std::fill_n(high, scales_per_group_, math::KeyRange<Int>::lowest);
    if (geometry_.scale_step == 0) {
      take_elements(x, group, begin, end, low, high);
      return;
    }
    const auto kernel = COMPRESS_SELECT_KERNEL(key_range_columns);
    if (groups_ == 1) {  // all rows, one after the other
      kernel(x + begin * length, end - begin, length, element_size_, low, high);
      return;
    }
    for (int64_t n = begin; n < end; ++n) {
      kernel(x + geometry_.segment_of(first, n) * length, 1, length, element_size_, low, high);
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
      kernel(x + geometry_.segment_of(scale, n) * length + offset, run_end - begin, element_size_, low, high);
      begin = run_end;
    }
  }

  const RangeObservation& observation_;
  const BlockGeometry& geometry_;
  const math::RangeRule& rule_;
  const math::GridRule& grid_;
  int element_size_;
  int64_t scales_;
  int64_t scales_per_group_ = 1;
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
  if (elements <= grain_elements) {
    for (const RangeObservation& observation : observations) {
      const PartialRanges tensor(observation, rule, grid, elements);
      tensor.take_tasks(0, tensor.tasks());
    }
    return;
  }
  // One tensor splits evenly; in a line of many, a part may begin just before a thread's stretch ends.
  const int64_t parts_per_thread = observations.size() == 1 ? 1 : 4;
  const int64_t part_elements = ceil_div(elements, at::get_num_threads() * parts_per_thread);
  std::vector<PartialRanges> ranges;
  WorkList tasks;
  WorkList scales;
  ranges.reserve(observations.size());
  for (const RangeObservation& observation : observations) {
    const PartialRanges& tensor = ranges.emplace_back(observation, rule, grid, part_elements);
    tasks.add(tensor.tasks(), tensor.elements_per_task());
    scales.add(tensor.scales_left(), 1);
  }
  tasks.parallel(grain_elements,
                 [&](size_t tensor, int64_t begin, int64_t end) { ranges[tensor].take_tasks(begin, end); });
  constexpr int64_t grain_scales = 4096;
  scales.parallel(grain_scales,
                  [&](size_t tensor, int64_t begin, int64_t end) { ranges[tensor].update_scales(begin, end); });
}

}  // namespace compress::cpu
