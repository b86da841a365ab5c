#include "compress/distill/projector.h"

#include <algorithm>

#include "compress/core/error.h"

namespace compress::distill {
namespace {

int64_t channels_of(at::IntArrayRef sizes) {
  return sizes.size() == 3 ? sizes[2] : sizes[1];
}

void check_ranks(at::IntArrayRef student, at::IntArrayRef teacher) {
  check<UsageError>(student.size() == teacher.size() && student.size() >= 2 && student.size() <= 4,
                    "projector: student and teacher features must both be [N, C], [N, T, C] or [N, C, H, W] (got "
                    "student ",
                    student, ", teacher ", teacher, ")");
  check<UsageError>(student.size() != 3 || student[1] == teacher[1],
                    "projector: student and teacher features [N, T, C] must have equal T (got student ", student,
                    ", teacher ", teacher, ")");
}

at::Tensor pooled_to(const at::Tensor& features, at::IntArrayRef size) {
  return features.sizes().slice(2) == size ? features : at::adaptive_avg_pool2d(features, size);
}

}  // namespace

Projector::Projector(int64_t student_channels, int64_t teacher_channels, int64_t dims,
                     const ProjectorOptions& options) {
  if (dims == 4) {
    conv_ = register_module(
        "projection",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(student_channels, teacher_channels, 1).bias(options.bias)));
  } else {
    linear_ = register_module(
        "projection",
        torch::nn::Linear(torch::nn::LinearOptions(student_channels, teacher_channels).bias(options.bias)));
  }
}

at::Tensor Projector::forward(const at::Tensor& student) {
  // A network of mixed precision hands over its own type.
  return conv_.is_empty() ? linear_->forward(student.to(linear_->weight.scalar_type()))
                          : conv_->forward(student.to(conv_->weight.scalar_type()));
}

std::shared_ptr<Projector> make_projector(at::IntArrayRef student_sizes, at::IntArrayRef teacher_sizes,
                                          const ProjectorOptions& options) {
  check_ranks(student_sizes, teacher_sizes);
  const int64_t from = channels_of(student_sizes);
  const int64_t to = channels_of(teacher_sizes);
  if (from == to) {
    return nullptr;
  }
  return std::make_shared<Projector>(from, to, static_cast<int64_t>(student_sizes.size()), options);
}

std::pair<at::Tensor, at::Tensor> align(const at::Tensor& student, const at::Tensor& teacher,
                                        const std::shared_ptr<Projector>& projector) {
  check_ranks(student.sizes(), teacher.sizes());
  at::Tensor from = student;
  at::Tensor to = teacher;
  if (student.dim() == 4) {
    const std::array<int64_t, 2> size{std::min(student.size(2), teacher.size(2)),
                                      std::min(student.size(3), teacher.size(3))};
    from = pooled_to(student, size);
    to = pooled_to(teacher, size);
  }
  if (projector) {
    from = projector->forward(from);
  }
  check<UsageError>(from.sizes() == to.sizes(), "projector: student and teacher features do not meet (got student ",
                    student.sizes(), ", teacher ", teacher.sizes(), ", ",
                    projector ? "with a projector made for other shapes" : "without a projector", ")");
  return {from, to};
}

}  // namespace compress::distill
