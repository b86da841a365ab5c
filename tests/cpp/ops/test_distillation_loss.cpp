#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>

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

// Sizes around every vector width and around a chunk.
TEST(DistillationLoss, GivesTheSameBitsOnEveryInstructionSet) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    for (const int64_t classes : {1, 3, 7, 16, 19, 65, 1024, 2051}) {
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

TEST(DistillationLoss, DefaultsToTheDivergenceAlone) {
  const at::Tensor student = sample({2, 9}, 0);
  const at::Tensor teacher = sample({2, 9}, 1);
  EXPECT_TRUE(at::equal(distillation_loss(student, teacher, 2.0), distillation_loss(student, teacher, 2.0, {}, 1.0)));
}

}  // namespace
}  // namespace compress
