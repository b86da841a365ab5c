#include "compress/ops/distillation_loss.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cmath>

#include "compress/ops/checks.h"
#include "compress/ops/find_operator.h"
#include "compress/ops/float_format.h"
#include "compress/ops/math/distillation_loss.h"
#include "compress/ops/optional_tensor.h"

namespace compress {
namespace {

using Forward = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

void check_logits(const at::Tensor& student, const at::Tensor& teacher) {
  const auto type = student.scalar_type();
  check_float_format("distillation_loss", "student_logits", type);
  TORCH_CHECK(teacher.scalar_type() == type, "distillation_loss: teacher_logits must have student_logits' dtype (got ",
              teacher.scalar_type(), ", expected ", type, ")");
  TORCH_CHECK(teacher.device() == student.device(),
              "distillation_loss: teacher_logits must be on student_logits' device (got ", teacher.device(),
              ", expected ", student.device(), ")");
  TORCH_CHECK(student.dim() >= 1, "distillation_loss: student_logits must be [..., classes] (got a scalar)");
  TORCH_CHECK(teacher.sym_sizes() == student.sym_sizes(),
              "distillation_loss: teacher_logits must have student_logits' shape (got ", teacher.sym_sizes(),
              ", expected ", student.sym_sizes(), ")");
  TORCH_CHECK(student.sym_size(-1) >= 1, "distillation_loss: at least one class is needed (got student_logits ",
              student.sym_sizes(), ")");
}

void check_target(const at::Tensor& target, const at::Tensor& student) {
  const auto expected = student.sym_sizes().slice(0, student.dim() - 1);
  TORCH_CHECK(target.scalar_type() == at::kLong, "distillation_loss: target must be int64 (got ", target.scalar_type(),
              ")");
  TORCH_CHECK(target.sym_sizes() == expected,
              "distillation_loss: target must have student_logits' shape without the classes (got ", target.sym_sizes(),
              ", expected ", expected, ")");
  TORCH_CHECK(target.device() == student.device(), "distillation_loss: target must be on student_logits' device (got ",
              target.device(), ", expected ", student.device(), ")");
}

}  // namespace

void checks::distillation_loss(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                               const OptionalTensor& target, double alpha) {
  check_logits(student, teacher);
  TORCH_CHECK(std::isfinite(temperature) && temperature > 0,
              "distillation_loss: temperature must be positive and finite (got ", temperature, ")");
  TORCH_CHECK(alpha >= 0 && alpha <= 1, "distillation_loss: alpha must lie in [0, 1] (got ", alpha, ")");
  TORCH_CHECK(target || alpha == 1, "distillation_loss: target is needed where alpha is below 1 (got no target, alpha ",
              alpha, ")");
  if (target) {
    check_target(*target, student);
  }
}

void checks::distillation_loss_backward(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                        double temperature, const OptionalTensor& target, double alpha,
                                        const at::Tensor& row_statistics, const at::Tensor& counted_rows) {
  checks::distillation_loss(student, teacher, temperature, target, alpha);
  const auto type = distillation_accumulation_type(student);
  TORCH_CHECK(grad.dim() == 0 && grad.scalar_type() == type, "distillation_loss_backward: grad must be a ", type,
              " scalar (got ", grad.scalar_type(), " ", grad.sym_sizes(), ")");
  TORCH_CHECK(row_statistics.dim() == 2 && row_statistics.sym_size(1) == math::row_statistics &&
                  row_statistics.sym_size(0) * student.sym_size(-1) == student.sym_numel() &&
                  row_statistics.scalar_type() == type,
              "distillation_loss_backward: row_statistics must be ", type, " [rows, ", math::row_statistics,
              "] of distillation_loss_forward (got ", row_statistics.scalar_type(), " ", row_statistics.sym_sizes(),
              ")");
  TORCH_CHECK(counted_rows.dim() == 0 && counted_rows.scalar_type() == at::kLong,
              "distillation_loss_backward: counted_rows must be an int64 scalar (got ", counted_rows.scalar_type(), " ",
              counted_rows.sym_sizes(), ")");
  for (const at::Tensor& tensor : {grad, row_statistics, counted_rows}) {
    TORCH_CHECK(tensor.device() == student.device(),
                "distillation_loss_backward: all tensors must be on student_logits' device (got ", tensor.device(),
                ", expected ", student.device(), ")");
  }
}

at::ScalarType distillation_accumulation_type(const at::Tensor& student) {
  return student.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

Forward empty_distillation_outputs(const at::Tensor& student) {
  const auto options = student.options().dtype(distillation_accumulation_type(student));
  const c10::SymInt rows = student.sym_numel() / student.sym_size(-1);
  return {at::empty({}, options), at::empty_symint({rows, math::row_statistics}, options),
          at::empty({}, options.dtype(at::kLong))};
}

at::Tensor distillation_loss(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                             const OptionalTensor& target, double alpha) {
  static const auto op = find_operator<decltype(compress::distillation_loss)>("compress::distillation_loss");
  return op.call(student, teacher, temperature, target, alpha);
}

Forward distillation_loss_forward(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                  const OptionalTensor& target, double alpha) {
  static const auto op =
      find_operator<decltype(compress::distillation_loss_forward)>("compress::distillation_loss_forward");
  return op.call(student, teacher, temperature, target, alpha);
}

at::Tensor distillation_loss_backward(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                      double temperature, const OptionalTensor& target, double alpha,
                                      const at::Tensor& row_statistics, const at::Tensor& counted_rows) {
  static const auto op =
      find_operator<decltype(compress::distillation_loss_backward)>("compress::distillation_loss_backward");
  return op.call(grad, student, teacher, temperature, target, alpha, row_statistics, counted_rows);
}

namespace {

at::Tensor distillation_loss_without_gradient(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                              const OptionalTensor& target, double alpha) {
  return std::get<0>(distillation_loss_forward(student, teacher, temperature, target, alpha));
}

// Under autocast the student's logits may be bfloat16 and a teacher's that ran outside it float32.
at::Tensor distillation_loss_autocast(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                      const OptionalTensor& target, double alpha) {
  const c10::impl::ExcludeDispatchKeyGuard below(c10::autocast_dispatch_keyset);
  if (student.scalar_type() == teacher.scalar_type()) {
    return distillation_loss(student, teacher, temperature, target, alpha);
  }
  return distillation_loss(student.to(at::kFloat), teacher.to(at::kFloat), temperature, target, alpha);
}

Forward distillation_loss_forward_meta(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                       const OptionalTensor& target, double alpha) {
  checks::distillation_loss(student, teacher, temperature, target, alpha);
  return empty_distillation_outputs(student);
}

at::Tensor distillation_loss_backward_meta(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                           double temperature, const OptionalTensor& target, double alpha,
                                           const at::Tensor& row_statistics, const at::Tensor& counted_rows) {
  checks::distillation_loss_backward(grad, student, teacher, temperature, target, alpha, row_statistics, counted_rows);
  return at::empty_symint(student.sym_sizes(), student.options());
}

TORCH_LIBRARY_FRAGMENT(compress, m) {
  m.def(
      "distillation_loss(Tensor student_logits, Tensor teacher_logits, float temperature, *, Tensor? target=None, "
      "float alpha=1.0) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "distillation_loss_forward(Tensor student_logits, Tensor teacher_logits, float temperature, Tensor? target, "
      "float alpha) -> (Tensor loss, Tensor row_statistics, Tensor counted_rows)",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "distillation_loss_backward(Tensor grad, Tensor student_logits, Tensor teacher_logits, float temperature, "
      "Tensor? target, float alpha, Tensor row_statistics, Tensor counted_rows) -> Tensor",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(compress, CompositeExplicitAutograd, m) {
  m.impl("distillation_loss", TORCH_FN(distillation_loss_without_gradient));
}

TORCH_LIBRARY_IMPL(compress, AutocastCPU, m) {
  m.impl("distillation_loss", TORCH_FN(distillation_loss_autocast));
}
TORCH_LIBRARY_IMPL(compress, AutocastCUDA, m) {
  m.impl("distillation_loss", TORCH_FN(distillation_loss_autocast));
}

TORCH_LIBRARY_IMPL(compress, Meta, m) {
  m.impl("distillation_loss_forward", TORCH_FN(distillation_loss_forward_meta));
  m.impl("distillation_loss_backward", TORCH_FN(distillation_loss_backward_meta));
}

}  // namespace
}  // namespace compress
