#pragma once

#include <ATen/core/Tensor.h>

namespace compress {

/// apply_mask_ on many tensors in one call: after an optimizer step, for a whole model's weights. On the CPU one
/// parallel region, small tensors sharing a thread; on CUDA one launch for up to 73 tensors of one element size.
///
/// xs      any real dtypes and strides, on one device, sharing no memory; written in place, under no_grad
/// masks   packed (see pack_mask), one per x
void apply_masks_(at::TensorList xs, at::TensorList masks);

}  // namespace compress
