#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

#include "compress/ops/distillation_loss.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

// Values, gradients and errors against torch are in tests/python/ops/test_distillation_loss.py.

at::Tensor sample(at::IntArrayRef sizes, uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(sizes) * 3;
}

at::Tensor expected_loss(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                         const at::Tensor& target, double alpha) {
  const at::Tensor log_q = at::log_softmax(student / temperature, 1);
  const at::Tensor p = at::softmax(teacher / temperature, 1);
  const at::Tensor divergence = at::kl_div(log_q, p, at::Reduction::Sum) / student.size(0);
  return alpha * temperature * temperature * divergence + (1 - alpha) * at::cross_entropy_loss(student, target);
}

TEST(DistillationLoss, EqualsTorchOnEveryInstructionSet) {
  for_each_isa([] {
    at::Tensor student = sample({4, 1500}, 0).to(at::kDouble).requires_grad_();
    const at::Tensor teacher = sample({4, 1500}, 1).to(at::kDouble);
    const at::Tensor target = at::tensor({3, -100, 0, 1499}, at::kLong);
    const at::Tensor loss = distillation_loss(student, teacher, 3.0, target, 0.7);
    const at::Tensor expected = expected_loss(student, teacher, 3.0, target, 0.7);
    EXPECT_TRUE(at::allclose(loss, expected, 1e-12, 0));
    loss.backward();
    const at::Tensor got = std::exchange(student.mutable_grad(), at::Tensor());
    expected.backward();
    EXPECT_LT((got - student.grad()).abs().max().item<double>(), 1e-12 * student.grad().abs().max().item<double>());
  });
}

// Sizes around every vector width, pack of vectors and chunk.
TEST(DistillationLoss, GivesTheSameBitsOnEveryInstructionSet) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    for (const int64_t classes : {1, 3, 7, 16, 19, 63, 65, 129, 1024, 2051}) {
      const at::Tensor logits = sample({3, classes}, 0).to(dtype);
      const at::Tensor teacher = sample({3, classes}, 1).to(dtype);
      const at::Tensor target = at::tensor({0, -100, 0}, at::kLong);
      for (const double alpha : {1.0, 0.5, 0.0}) {
        std::vector<std::pair<at::Tensor, at::Tensor>> results;
        for_each_isa([&] {
          at::Tensor student = logits.detach().clone().requires_grad_();
          const at::Tensor loss = distillation_loss(student, teacher, 2.0, target, alpha);
          loss.backward();
          results.emplace_back(loss.detach(), student.grad());
        });
        for (const auto& [loss, grad] : results) {
          EXPECT_TRUE(at::equal(loss, results[0].first)) << dtype << " " << classes << " " << alpha;
          EXPECT_TRUE(at::equal(grad, results[0].second)) << dtype << " " << classes << " " << alpha;
        }
      }
    }
  }
}

TEST(DistillationLoss, NanOfEitherSignAnywhereIsSeenOnEveryInstructionSet) {
  for_each_isa([] {
    for (const float nan : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
      for (const int64_t where : {0, 40, 2100}) {
        at::Tensor student = sample({2, 2101}, 0);
        student[1][where] = nan;
        student.requires_grad_();
        const at::Tensor loss = distillation_loss(student, sample({2, 2101}, 1), 2.0);
        EXPECT_TRUE(loss.isnan().item<bool>()) << where;
        loss.backward();
        EXPECT_TRUE(student.grad()[1].isnan().all().item<bool>() && student.grad()[0].isfinite().all().item<bool>());
      }
    }
  });
}

// Probabilities below the smallest normal number count as nothing, and no mask of -inf makes a NaN.
TEST(DistillationLoss, FarAndMaskedLogitsOnEveryInstructionSet) {
  for_each_isa([] {
    at::Tensor student = at::zeros({1, 300});
    at::Tensor teacher = at::zeros({1, 300});
    for (const int64_t i : {3, 70, 299}) {
      student[0][i] = -std::numeric_limits<float>::infinity();
      teacher[0][i] = -std::numeric_limits<float>::infinity();
    }
    teacher[0][4] = -1e30;
    student[0][5] = -87.5;
    student.requires_grad_();
    const at::Tensor loss = distillation_loss(student, teacher, 1.0);
    const at::Tensor kept =
        at::arange(300).ne(3).logical_and(at::arange(300).ne(70)).logical_and(at::arange(300).ne(299));
    const at::Tensor p = at::softmax(teacher[0].masked_select(kept).to(at::kDouble), 0);
    const at::Tensor log_q = at::log_softmax(student.detach()[0].masked_select(kept).to(at::kDouble), 0);
    const double expected = at::xlogy(p, p).sub(p * log_q).sum().item<double>();
    EXPECT_NEAR(loss.item<double>(), expected, 1e-6 * expected);
    loss.backward();
    EXPECT_EQ(student.grad()[0][3].item<float>(), 0.0f);
    EXPECT_EQ(student.grad()[0][299].item<float>(), 0.0f);
    EXPECT_TRUE(student.grad().isfinite().all().item<bool>());
  });
}

TEST(DistillationLoss, DefaultsToTheDivergenceAlone) {
  const at::Tensor student = sample({2, 9}, 0);
  const at::Tensor teacher = sample({2, 9}, 1);
  EXPECT_TRUE(at::equal(distillation_loss(student, teacher, 2.0), distillation_loss(student, teacher, 2.0, {}, 1.0)));
}

}  // namespace
}  // namespace compress
