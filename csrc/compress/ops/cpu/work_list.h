#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "compress/ops/cpu/parallel.h"

namespace compress::cpu {

/// Work on many tensors, done in one parallel region: small tensors share a thread, large ones are split over threads.
/// The tensors' items lie one after the other on a line of elements; each thread takes a stretch of the line.
class WorkList {
 public:
  /// The next tensor has `items` pieces of work that cost as much as `elements_per_item` elements each.
  void add(int64_t items, int64_t elements_per_item) {
    const int64_t begin = length();
    costs_.push_back(std::max<int64_t>(1, elements_per_item));
    ends_.push_back(begin + items * costs_.back());
  }

  /// Elements of all tensors together.
  int64_t length() const { return ends_.empty() ? 0 : ends_.back(); }

  /// Calls body(tensor, begin, end) so that every item of every tensor is in exactly one range. `grain`: elements that
  /// a thread takes at least; below it, waking a thread costs more than it saves.
  template <typename Body>
  void parallel(int64_t grain, const Body& body) const {
    at::parallel_for(0, length(), grain, [&](int64_t begin, int64_t end) {
      size_t tensor = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
      for (; tensor < ends_.size(); ++tensor) {
        const int64_t first = tensor == 0 ? 0 : ends_[tensor - 1];
        if (first >= end) {
          return;
        }
        // An item belongs to the stretch that holds its first element.
        const int64_t cost = costs_[tensor];
        const int64_t from = begin <= first ? 0 : (begin - first + cost - 1) / cost;
        const int64_t to = (std::min(end, ends_[tensor]) - first + cost - 1) / cost;
        if (from < to) {
          body(tensor, from, to);
        }
      }
    });
  }

 private:
  std::vector<int64_t> costs_;
  std::vector<int64_t> ends_;
};

}  // namespace compress::cpu
