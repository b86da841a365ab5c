#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "as_on_cpu.h"
#include "compress/ops/distillation_loss.h"
#include "emulator/device.h"

namespace compress {
namespace {

struct Case {
  std::string name;
  at::Tensor student;
  at::Tensor teacher;
  at::Tensor target;
  bool has_nan = false;  // then a row's statistics are no numbers, and of no consequence
};

at::Tensor logits(int64_t rows, int64_t classes, at::ScalarType dtype, int seed) {
  at::manual_seed(seed);
  return (at::randn({rows, classes}) * 4).to(dtype);
}

/// Class ids; every third row is left out.
at::Tensor targets(int64_t rows, int64_t classes) {
  at::manual_seed(5);
  const at::Tensor ids = at::randint(classes, {rows}, at::kLong);
  ids.slice(0, 2, rows > 2 ? rows : 2, 3).fill_(-100);
  return ids;
}

Case make_case(int64_t rows, int64_t classes, at::ScalarType dtype) {
  return {std::string(c10::toString(dtype)) + " " + std::to_string(rows) + " x " + std::to_string(classes),
          logits(rows, classes, dtype, 0), logits(rows, classes, dtype, 1), targets(rows, classes)};
}

std::vector<Case> cases() {
  std::vector<Case> all = {make_case(300, 3, at::kFloat)};  // more rows than one block has threads
  for (const auto dtype : dtypes()) {
    for (const int64_t classes : {1, 2, 7, 8, 15, 33, 1000, 1023, 1025, 17000}) {
      all.push_back(make_case(4, classes, dtype));
    }
    all.push_back(make_case(0, 10, dtype));
    Case strided = make_case(4, 40, dtype);
    strided.name += " in wider rows";
    strided.student = logits(4, 43, dtype, 0).narrow(1, 1, 40);
    all.push_back(strided);
    strided.name += " in two dimensions";
    strided.student = logits(8, 43, dtype, 0).view({2, 4, 43}).narrow(1, 1, 2).narrow(2, 1, 40);
    strided.teacher = logits(4, 40, dtype, 1).view({2, 2, 40});
    strided.target = targets(4, 40).view({2, 2});
    all.push_back(strided);
    Case extremes = make_case(6, 300, dtype);
    extremes.name += " with infinities";
    const double infinity = std::numeric_limits<double>::infinity();
    extremes.teacher[0][17].fill_(-infinity);
    extremes.student[1][299].fill_(-infinity);
    extremes.teacher[1][299].fill_(-infinity);
    extremes.target[1].fill_(0);
    all.push_back(extremes);
    extremes.name += " and NaN";
    extremes.has_nan = true;
    extremes.student = extremes.student.clone();
    extremes.student[2][5].fill_(std::nan(""));
    extremes.teacher = extremes.teacher.clone();
    extremes.teacher[3].fill_(-infinity);
    extremes.student[4][0].fill_(infinity);
    all.push_back(extremes);
  }
  return all;
}

/// exp differs in its last bits and terms are added in another order; a result of 16 bits is rounded once more.
Closeness closeness_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return {1e-12, 1e-13};
    case at::kHalf:
      return {1e-3, 1e-6};
    case at::kBFloat16:
      return {8e-3, 1e-6};
    default:
      return {2e-5, 2e-6};
  }
}

TEST(DistillationLoss, Forward) {
  for (const Case& of : cases()) {
    for (const double alpha : {1.0, 0.3, 0.0}) {
      const auto op = [&](const Tensors& in) -> Tensors {
        const auto [loss, row_statistics, counted_rows] = distillation_loss_forward(in[0], in[1], 2.0, in[2], alpha);
        return {loss, counted_rows, of.has_nan ? at::Tensor() : row_statistics};
      };
      const Closeness sums = of.student.scalar_type() == at::kDouble ? Closeness{1e-12, 1e-13} : Closeness{2e-5, 2e-5};
      expect_as_on_cpu(of.name + ", alpha " + std::to_string(alpha), op, {of.student, of.teacher, of.target},
                       {sums, {}, sums});
    }
  }
}

TEST(DistillationLoss, Backward) {
  for (const Case& of : cases()) {
    for (const double alpha : {1.0, 0.3, 0.0}) {
      const auto op = [&](const Tensors& in) -> Tensors {
        const auto [loss, row_statistics, counted_rows] = distillation_loss_forward(in[1], in[2], 2.0, in[3], alpha);
        return {distillation_loss_backward(in[0], in[1], in[2], 2.0, in[3], alpha, row_statistics, counted_rows)};
      };
      const at::Tensor grad = at::full({}, 1.5, distillation_accumulation_type(of.student));
      expect_as_on_cpu(of.name + ", alpha " + std::to_string(alpha), op, {grad, of.student, of.teacher, of.target},
                       {closeness_of(of.student.scalar_type())});
    }
  }
}

TEST(DistillationLoss, ATargetThatIsNoClassMakesTheLossAndItsRowsGradientNan) {
  const Case of = make_case(4, 10, at::kFloat);
  for (const int64_t id : {-1, 10, 1000000}) {
    of.target[1].fill_(id);
    const at::Tensor student = cuda_emulation::to_device(of.student);
    const at::Tensor teacher = cuda_emulation::to_device(of.teacher);
    const at::Tensor target = cuda_emulation::to_device(of.target);
    const auto [loss, row_statistics, counted_rows] = distillation_loss_forward(student, teacher, 2.0, target, 0.5);
    EXPECT_TRUE(cuda_emulation::to_host(loss).isnan().item<bool>());
    const at::Tensor grad = cuda_emulation::to_device(at::ones({}));
    const at::Tensor gradient = cuda_emulation::to_host(
        distillation_loss_backward(grad, student, teacher, 2.0, target, 0.5, row_statistics, counted_rows));
    EXPECT_TRUE(gradient[1].isnan().all().item<bool>());
    EXPECT_FALSE(gradient[0].isnan().any().item<bool>());
  }
}

}  // namespace
}  // namespace compress
