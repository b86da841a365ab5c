#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "compress/ops/cuda/launch.h"
#include "compress/ops/math/float_format.h"
#include "compress/ops/math/row_offsets.h"

namespace compress::cuda {

/// What forward and backward share: rows of `classes` neighbouring logits in device memory.
struct DistillationOperands {
  const void* student = nullptr;
  const void* teacher = nullptr;
  math::RowOffsets student_rows;
  math::RowOffsets teacher_rows;
  int64_t rows = 0;
  int64_t classes = 0;
  math::FloatFormat format = math::FloatFormat::float32;
  double temperature = 1.0;
  double alpha = 1.0;
  const int64_t* target = nullptr;  ///< null where alpha is 1
};

/// Reads every logit once. statistics, loss: double for float64 logits, else float.
struct DistillationLossCall {
  DistillationOperands operands;
  void* row_statistics = nullptr;   ///< [rows, math::row_statistics]
  double* row_losses = nullptr;     ///< [rows, 2], scratch: divergence and cross entropy
  void* loss = nullptr;             ///< scalar
  int64_t* counted_rows = nullptr;  ///< scalar
};
void launch_distillation_loss(const DistillationLossCall& call, cudaStream_t stream);

/// Reads every logit once and writes its gradient, contiguous.
struct DistillationLossBackwardCall {
  DistillationOperands operands;
  const void* grad = nullptr;  ///< scalar
  const void* row_statistics = nullptr;
  const int64_t* counted_rows = nullptr;
  void* grad_student = nullptr;
};
void launch_distillation_loss_backward(const DistillationLossBackwardCall& call, cudaStream_t stream);

}  // namespace compress::cuda
