#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace compress {

/// Knowledge distillation on logits (Hinton et al. 2015), fused over the last dimension, mean over rows:
///   alpha * T^2 * KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) * cross_entropy(student, target)
///
/// student, teacher  logits [..., V] of one shape and dtype; float32, float64, float16 or bfloat16; accumulated in
///                   float32 (float64 for float64). Rows are read where they are if their elements are contiguous.
/// temperature       T > 0, finite
/// target            int64 class ids [...], needed where alpha < 1; -100 leaves the row out of the cross entropy, whose
///                   mean is over the others, as torch's. Any other id outside [0, V) raises on the CPU; on CUDA,
///                   where nothing waits for the device, it makes the loss and the row's gradient NaN.
/// alpha             in [0, 1]; a term of weight 0 is not computed
///
/// Returns a scalar of student's dtype (float32 for float16 and bfloat16). The gradient goes to student only (teacher
/// is a constant, also where it requires grad) and is recomputed from the inputs and five numbers per row: no tensor
/// of [rows, V] is kept. Each row is summed in a fixed order: the same bits on any thread count.
///
/// A class whose teacher probability is zero (logit -inf, or beyond the numbers below the largest) counts 0 to the KL
/// term. One that the student excludes (-inf) and the teacher does not makes it +inf. NaN and +inf logits, and rows of
/// nothing but -inf, give NaN. No rows, or with alpha < 1 no counted rows, give NaN, as torch's means do.
at::Tensor distillation_loss(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                             const std::optional<at::Tensor>& target = std::nullopt, double alpha = 1.0);

/// The loss, and what its backward needs: row_statistics [rows, 5] of the loss's dtype, and the number of rows that
/// the cross entropy counts (int64 scalar).
std::tuple<at::Tensor, at::Tensor, at::Tensor> distillation_loss_forward(const at::Tensor& student,
                                                                         const at::Tensor& teacher, double temperature,
                                                                         const std::optional<at::Tensor>& target,
                                                                         double alpha);

/// Memory for what distillation_loss_forward returns, on student's device.
std::tuple<at::Tensor, at::Tensor, at::Tensor> empty_distillation_outputs(const at::Tensor& student);

/// The gradient of student, contiguous.
at::Tensor distillation_loss_backward(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                      double temperature, const std::optional<at::Tensor>& target, double alpha,
                                      const at::Tensor& row_statistics, const at::Tensor& counted_rows);

/// float64 for float64 logits, else float32.
at::ScalarType distillation_accumulation_type(const at::Tensor& student);

}  // namespace compress
