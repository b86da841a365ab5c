#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// First values of a learned scale (and zero_point) from the first x it meets, in place and without host
/// synchronisation.
///
/// symmetric    scale = 2 * mean|x| / sqrt(quant_max) of each block (Esser et al. 2020, section 2.1), at least
/// float32's
///              epsilon; zero_point, where there is one, 0
/// asymmetric   the range of x (LSQ+, Bhalgat et al. 2020, section 3.2), as choose_qparams
/// scale        float32; its shape is the granularity (see fake_quantize)
/// zero_point   float32, int32 or int64, of scale's shape; none only where symmetric
/// x            float32, float64, float16 or bfloat16, any strides; taken as a constant of the graph
/// skip_zeros   the mean leaves zeros out: with nine of ten weights pruned they would make the grid a tenth of what the
///              kept ones need
///
/// An empty x changes nothing.
void initialize_learned_(at::Tensor& scale, const std::optional<at::Tensor>& zero_point, const at::Tensor& x,
                         int64_t quant_min, int64_t quant_max, bool symmetric, bool skip_zeros = false);

}  // namespace compress
