#include "compress/ops/cuda/distillation_loss.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/distillation_loss.h"
#include "compress/ops/float_format.h"
#include "compress/ops/logit_rows.h"
#include "compress/ops/math/distillation_loss.h"
#include "compress/ops/optional_tensor.h"

namespace compress::cuda {
namespace {

/// Keeps what a launch reads alive until it is on the stream.
struct Operands {
  Operands(const at::Tensor& student, const at::Tensor& teacher, double temperature, const OptionalTensor& target,
           double alpha)
      : student_rows(student),
        teacher_rows(teacher),
        target_ids(alpha < 1 ? contiguous_or_undefined(target) : at::Tensor()) {
    kernel.student = student_rows.data();
    kernel.teacher = teacher_rows.data();
    kernel.student_rows = student_rows.offsets();
    kernel.teacher_rows = teacher_rows.offsets();
    kernel.classes = student.size(-1);
    kernel.rows = student.numel() / kernel.classes;
    kernel.format = float_format(student.scalar_type());
    kernel.temperature = temperature;
    kernel.alpha = alpha;
    kernel.target = const_data_or_null<int64_t>(target_ids);
  }

  LogitRows student_rows;
  LogitRows teacher_rows;
  at::Tensor target_ids;
  DistillationOperands kernel;
};

std::tuple<at::Tensor, at::Tensor, at::Tensor> distillation_loss_forward(const at::Tensor& student,
                                                                         const at::Tensor& teacher, double temperature,
                                                                         const OptionalTensor& target, double alpha) {
  checks::distillation_loss(student, teacher, temperature, target, alpha);
  const c10::cuda::CUDAGuard guard(student.device());
  const Operands operands(student, teacher, temperature, target, alpha);
  const auto [loss, row_statistics, counted_rows] = empty_distillation_outputs(student);
  const at::Tensor row_losses = at::empty({operands.kernel.rows, 2}, student.options().dtype(at::kDouble));
  launch_distillation_loss({operands.kernel, row_statistics.mutable_data_ptr(), row_losses.mutable_data_ptr<double>(),
                            loss.mutable_data_ptr(), counted_rows.mutable_data_ptr<int64_t>()},
                           c10::cuda::getCurrentCUDAStream());
  check_launch();
  return {loss, row_statistics, counted_rows};
}

at::Tensor distillation_loss_backward(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                      double temperature, const OptionalTensor& target, double alpha,
                                      const at::Tensor& row_statistics, const at::Tensor& counted_rows) {
  checks::distillation_loss_backward(grad, student, teacher, temperature, target, alpha, row_statistics, counted_rows);
  const c10::cuda::CUDAGuard guard(student.device());
  const Operands operands(student, teacher, temperature, target, alpha);
  at::Tensor grad_student = at::empty(student.sizes(), student.options());
  const at::Tensor statistics = row_statistics.contiguous();
  launch_distillation_loss_backward({operands.kernel, grad.const_data_ptr(), statistics.const_data_ptr(),
                                     counted_rows.const_data_ptr<int64_t>(), grad_student.mutable_data_ptr()},
                                    c10::cuda::getCurrentCUDAStream());
  check_launch();
  return grad_student;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("distillation_loss_forward", TORCH_FN(distillation_loss_forward));
  m.impl("distillation_loss_backward", TORCH_FN(distillation_loss_backward));
}

}  // namespace
}  // namespace compress::cuda
