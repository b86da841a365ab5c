#pragma once

#include <ATen/core/Tensor.h>

/// Argument checks that an operator's CPU, CUDA and Meta kernels share, defined in the operator's own .cpp. Each raises
/// c10::Error "op: what is wrong (got ..., expected ...)" and looks at no values. Sizes may be symbolic.
namespace compress::checks {

void pack_mask(const at::Tensor& mask);
void unpack_mask(const at::Tensor& mask, c10::SymIntArrayRef sizes);
void apply_mask(const char* op, const at::Tensor& x, const at::Tensor& mask);
void magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold);
void magnitude_threshold(at::TensorList weights, double sparsity);
void observe_min_max_(const at::Tensor& min, const at::Tensor& max, const at::Tensor& x, double averaging);
void choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min, int64_t quant_max);

}  // namespace compress::checks
