#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// observe_qparams_ on many tensors in one call, such as a whole model's weights: the lists hold one entry per x, and
/// one rule serves them all. Equal bit for bit to a loop. On the CPU one parallel region; on CUDA tensors whose scales
/// follow their memory (per tensor, per output channel, per group) share launches, others have one of their own.
///
/// mins, maxs, scales   float32, of the shape that says the x's granularity; no two outputs share memory
/// zero_points          as in observe_qparams_, or an empty list where symmetric
/// xs                   on one device; an empty x changes nothing
/// There is no percentile: observers that want one are observe_qparams_' own.
void observe_multi_(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                    at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging = 0.0,
                    bool forget = false);

}  // namespace compress
