#include "compress/ops/range_observation.h"

#include <ATen/MemoryOverlap.h>
#include <c10/core/DeviceGuard.h>

#include "compress/ops/checks.h"
#include "compress/ops/granularity.h"
#include "compress/ops/memory_order.h"

namespace compress {

void observe_min_max_with(ObserveRanges observe, const at::Tensor& min, const at::Tensor& max, const at::Tensor& x,
                          double averaging) {
  checks::observe_min_max_(min, max, x, averaging);
  at::assert_no_internal_overlap(min);
  at::assert_no_internal_overlap(max);
  at::assert_no_overlap(min, max);
  if (x.numel() == 0) {
    return;
  }
  const c10::DeviceGuard device(x.device());
  const MemoryOrder order(x);  // channels-last activations are read as they lie
  const at::Tensor input = order.contiguous(x);
  const at::Tensor low = order.contiguous(min);
  const at::Tensor high = order.contiguous(max);
  observe(input, block_geometry(input.sizes(), low.sizes()), static_cast<float>(averaging),
          low.mutable_data_ptr<float>(), high.mutable_data_ptr<float>());
  order.deliver(low, min);
  order.deliver(high, max);
}

}  // namespace compress
