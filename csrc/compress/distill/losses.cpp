#include "compress/distill/losses.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "compress/core/error.h"

namespace compress::distill {
namespace {

// Keeps the division of a dead map or of a batch of equal samples finite.
constexpr double smallest_divisor = 1e-12;

void check_shapes(bool fit, const at::Tensor& student, const at::Tensor& teacher, FeatureLoss kind, const char* rule) {
  check<UsageError>(fit, "feature loss ", enum_name(kind), ": ", rule, " (got student ", student.sizes(), ", teacher ",
                    teacher.sizes(), ")");
}

at::Tensor elementwise_loss(const at::Tensor& student, const at::Tensor& teacher) {
  check_shapes(student.sizes() == teacher.sizes(), student, teacher, FeatureLoss::mse,
               "student and teacher must have one shape; a projector makes channel counts meet");
  return at::mse_loss(student, teacher);
}

using MapSize = std::array<int64_t, 2>;

at::Tensor attention_map(const at::Tensor& features, const MapSize& size) {
  at::Tensor map = features.square().mean(1);
  if (map.sizes().slice(1) != at::IntArrayRef(size)) {
    map = at::adaptive_avg_pool2d(map, size);
  }
  map = map.flatten(1);
  return map / map.norm(2, 1, /*keepdim=*/true).clamp_min(smallest_divisor);
}

at::Tensor attention_loss(const at::Tensor& student, const at::Tensor& teacher) {
  check_shapes(student.dim() == 4 && teacher.dim() == 4 && student.size(0) == teacher.size(0), student, teacher,
               FeatureLoss::attention, "student and teacher must be [N, C, H, W] with equal N");
  const MapSize size{std::min(student.size(2), teacher.size(2)), std::min(student.size(3), teacher.size(3))};
  return at::mse_loss(attention_map(student, size), attention_map(teacher, size));
}

at::Tensor relative_distances(const at::Tensor& features) {
  const at::Tensor distances = at::pdist(features.flatten(1));
  return distances / distances.mean().clamp_min(smallest_divisor);
}

at::Tensor relational_loss(const at::Tensor& student, const at::Tensor& teacher) {
  const bool fit = student.dim() >= 2 && teacher.dim() >= 2 && student.size(0) == teacher.size(0);
  check_shapes(fit, student, teacher, FeatureLoss::relational, "student and teacher must be [N, ...] with equal N");
  if (student.size(0) < 2) {
    return student.sum() * 0;  // no pair; the graph stays whole
  }
  return at::smooth_l1_loss(relative_distances(student), relative_distances(teacher));
}

at::Tensor in_accumulation_type(const at::Tensor& features) {
  return features.scalar_type() == at::kDouble ? features : features.to(at::kFloat);
}

}  // namespace

bool needs_equal_channels(FeatureLoss kind) {
  return kind == FeatureLoss::mse;
}

at::Tensor feature_loss(const at::Tensor& student, const at::Tensor& teacher, FeatureLoss kind) {
  const at::Tensor from = in_accumulation_type(student);
  const at::Tensor to = teacher.detach().to(from.scalar_type());
  switch (kind) {
    case FeatureLoss::mse:
      return elementwise_loss(from, to);
    case FeatureLoss::attention:
      return attention_loss(from, to);
    case FeatureLoss::relational:
      return relational_loss(from, to);
  }
  fail("feature loss: unknown kind ", static_cast<int>(kind));
}

}  // namespace compress::distill
