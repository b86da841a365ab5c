#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>

#include <array>
#include <optional>

/// Argument checks that an operator's CPU, CUDA and Meta kernels share, defined in the operator's own .cpp. Each raises
/// c10::Error "op: what is wrong (got ..., expected ...)" and looks at no values. Sizes may be symbolic.
namespace compress::checks {

void fake_quantize(const at::Tensor& x, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                   int64_t quant_min, int64_t quant_max, const std::optional<at::Tensor>& mask);
void fake_quantize_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                            const std::optional<at::Tensor>& zero_point, int64_t quant_min, int64_t quant_max,
                            const std::optional<at::Tensor>& mask, std::array<bool, 3> output_mask);
void fake_quantize_multi(at::TensorList xs, at::TensorList scales, at::TensorList zero_points, int64_t quant_min,
                         int64_t quant_max, const c10::List<std::optional<at::Tensor>>& masks,
                         at::ArrayRef<double> grad_factors);
void fake_quantize_multi_backward(at::TensorList grads, at::TensorList xs, at::TensorList scales,
                                  at::TensorList zero_points, int64_t quant_min, int64_t quant_max,
                                  const c10::List<std::optional<at::Tensor>>& masks, at::ArrayRef<double> grad_factors,
                                  std::array<bool, 3> output_mask);
void pack_mask(const at::Tensor& mask);
void unpack_mask(const at::Tensor& mask, c10::SymIntArrayRef sizes);
void apply_mask(const char* op, const at::Tensor& x, const at::Tensor& mask);
void apply_masks_(at::TensorList xs, at::TensorList masks);
void magnitude_mask(const at::Tensor& weight, const at::Tensor& threshold);
void magnitude_mask_multi(at::TensorList weights, const at::Tensor& threshold);
void magnitude_threshold(at::TensorList weights, double sparsity);
/// What every observer asks of its range.
void observe_range(const char* op, const at::Tensor& min, const at::Tensor& max, const at::Tensor& x, double averaging);
void observe_qparams_(const at::Tensor& min, const at::Tensor& max, const at::Tensor& scale,
                      const std::optional<at::Tensor>& zero_point, const at::Tensor& x, int64_t quant_min,
                      int64_t quant_max, bool symmetric, double averaging, double percentile,
                      const std::optional<at::Tensor>& fold_factor);
void observe_multi_(at::TensorList mins, at::TensorList maxs, at::TensorList scales, at::TensorList zero_points,
                    at::TensorList xs, int64_t quant_min, int64_t quant_max, bool symmetric, double averaging);
/// What every operator asks of a fold_factor for x.
void fold_factor(const char* op, const at::Tensor& fold_factor, const at::Tensor& x);
/// What every operator asks of a scale and zero_point that it writes, of `sizes`.
void qparams_outputs(const char* op, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                     c10::SymIntArrayRef sizes, at::Device device, int64_t quant_min, int64_t quant_max,
                     bool symmetric);
void initialize_learned_(const at::Tensor& scale, const std::optional<at::Tensor>& zero_point, const at::Tensor& x,
                         int64_t quant_min, int64_t quant_max, bool symmetric);
void zero_point(const char* op, const at::Tensor& zero_point, const at::Tensor& scale);
void integer_grid(const char* op, int64_t quant_min, int64_t quant_max);
void choose_qparams(const at::Tensor& min, const at::Tensor& max, int64_t quant_min, int64_t quant_max);
void small_float(const char* op, int64_t exponent_bits, int64_t mantissa_bits);
void fake_quantize_float(const at::Tensor& x, const at::Tensor& scale, int64_t exponent_bits, int64_t mantissa_bits,
                         const std::optional<at::Tensor>& mask);
void fake_quantize_float_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& scale,
                                  int64_t exponent_bits, int64_t mantissa_bits, const std::optional<at::Tensor>& mask);
void choose_float_scale(const at::Tensor& min, const at::Tensor& max, int64_t exponent_bits, int64_t mantissa_bits,
                        c10::string_view scale_format, const std::optional<at::Tensor>& tensor_amax);
void nm_mask(const at::Tensor& score, int64_t n, int64_t m);
void distillation_loss(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                       const std::optional<at::Tensor>& target, double alpha);
void distillation_loss_backward(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                double temperature, const std::optional<at::Tensor>& target, double alpha,
                                const at::Tensor& row_statistics, const at::Tensor& counted_rows);

}  // namespace compress::checks
