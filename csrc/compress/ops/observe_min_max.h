#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// Takes x's range into the observer state, in one pass and without host synchronisation.
///
/// min, max   float32, of one shape that says the granularity as fake_quantize's scale does; +inf and -inf before the
///            first observation, which is then taken as it is
/// averaging  0 = running minimum and maximum; in (0, 1] = exponential average, state += averaging * (batch - state),
///            as torch.ao's MovingAverageMinMaxObserver
/// x          float32, float64, float16 or bfloat16, any strides; its range is taken as a constant of the graph
///
/// NaN in x makes the state NaN, so that divergence is seen. An empty x changes nothing.
void observe_min_max_(at::Tensor& min, at::Tensor& max, const at::Tensor& x, double averaging);

}  // namespace compress
