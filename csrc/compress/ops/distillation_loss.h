#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace compress {

/// Knowledge distillation on logits (Hinton et al. 2015), fused over the last dimension, mean over rows:
///   alpha * T^2 * KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) * cross_entropy(student, target)
///
/// student, teacher  logits [..., V] of one shape; float32, float64, float16 or bfloat16; accumulated in float32
///                   (float64 for float64)
/// temperature       T > 0
/// target            int64 class ids [...], needed where alpha < 1
///
/// Returns a scalar of student's dtype (float32 for float16 and bfloat16). The gradient goes to student only and is
/// recomputed from the inputs: no tensor of [rows, V] is kept.
at::Tensor distillation_loss(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                             const std::optional<at::Tensor>& target = std::nullopt, double alpha = 1.0);

}  // namespace compress
