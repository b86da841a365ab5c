#include <gtest/gtest.h>
#include <torch/optim.h>
#include <torch/types.h>

#include <cmath>

#include "compress/core/error.h"
#include "compress/ops/pack_mask.h"
#include "compress/ops/unpack_mask.h"
#include "compress/prune/magnitude.h"
#include "compress/prune/pruner.h"

namespace compress::prune {
namespace {

PruneTarget target(const std::string& name, const at::Tensor& weight) {
  return {name, weight, pack_mask(at::ones(weight.sizes(), at::kBool))};
}

int64_t zeros(const std::vector<PruneTarget>& targets) {
  int64_t count = 0;
  for (const PruneTarget& one : targets) {
    count += one.weight.eq(0).sum().item<int64_t>();
  }
  return count;
}

SparsitySchedule constant(double sparsity) {
  return {ScheduleType::constant, 0.0, sparsity, 0, 0, 1};
}

TEST(Pruner, GlobalSparsityIsExactAndKeepsTheLargest) {
  torch::manual_seed(2);
  for (const double sparsity : {0.0, 0.1, 0.5, 0.9, 0.999}) {
    Pruner pruner({target("a", at::randn({37, 11})), target("b", at::randn({5, 3, 3, 3}) * 0.1)}, Scope::global,
                  constant(sparsity));
    const at::Tensor all = at::cat({pruner.targets()[0].weight.flatten(), pruner.targets()[1].weight.flatten()}).abs();
    const int64_t expected = std::llround(sparsity * static_cast<double>(all.numel()));
    pruner.prune_to(sparsity);
    EXPECT_EQ(zeros(pruner.targets()), expected) << sparsity;
    const at::Tensor after =
        at::cat({pruner.targets()[0].weight.flatten(), pruner.targets()[1].weight.flatten()}).abs();
    const auto kept = after > 0;
    if (expected > 0) {
      EXPECT_GT(all.masked_select(kept).min().item<float>(), all.masked_select(~kept).max().item<float>());
    }
    EXPECT_NEAR(pruner.sparsity(), sparsity, 0.5 / static_cast<double>(all.numel()) + 1e-12);
  }
}

TEST(Pruner, LayerScopeGivesEveryLayerItsShare) {
  Pruner pruner({target("a", at::randn({40, 10})), target("b", at::randn({20, 10}) * 0.001)}, Scope::layer,
                constant(0.75));
  EXPECT_TRUE(pruner.update(0));
  EXPECT_EQ(pruner.targets()[0].weight.eq(0).sum().item<int64_t>(), 300);
  EXPECT_EQ(pruner.targets()[1].weight.eq(0).sum().item<int64_t>(), 150);
}

TEST(Pruner, TiesArePrunedToTheExactNumberFirstOnesFirst) {
  // bfloat16 has few values: almost every threshold is a tie.
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    Pruner pruner({target("a", at::full({10, 10}, 0.5, dtype)), target("b", at::full({3, 9}, -0.5, dtype))},
                  Scope::global, constant(0.3));
    pruner.prune_to(0.3);
    EXPECT_EQ(zeros(pruner.targets()), std::llround(0.3 * 127));
    EXPECT_TRUE(pruner.targets()[0].weight.flatten().slice(0, 0, 38).eq(0).all().item<bool>());
    EXPECT_TRUE(pruner.targets()[1].weight.ne(0).all().item<bool>());
  }
}

TEST(Pruner, WhatIsPrunedStaysPrunedEvenAmongZeros) {
  // Kept weights of exactly zero tie with pruned ones: a later, larger sparsity must not swap them.
  at::Tensor weight = at::arange(100).to(at::kFloat);
  Pruner pruner({target("a", weight)}, Scope::global, constant(0.9));
  pruner.prune_to(0.5);
  weight.slice(0, 60, 100).zero_();  // kept, but zero by chance
  const at::Tensor first = unpack_mask(pruner.targets()[0].mask, {100}).clone();
  pruner.prune_to(0.6);
  const at::Tensor second = unpack_mask(pruner.targets()[0].mask, {100});
  EXPECT_EQ(second.sum().item<int64_t>(), 40);
  EXPECT_TRUE((second & ~first).sum().item<int64_t>() == 0) << "nothing comes back";
}

TEST(Pruner, PrunedWeightsStayZeroThroughMomentumAndWeightDecay) {
  torch::manual_seed(3);
  const auto train = [](auto&& make_optimizer) {
    at::Tensor weight = at::randn({16, 8}).requires_grad_();
    Pruner pruner({target("w", weight)}, Scope::global, {ScheduleType::cubic, 0.0, 0.8, 0, 20, 4});
    auto optimizer = make_optimizer(weight);
    double last = 0;
    for (int64_t step = 0; step < 40; ++step) {
      pruner.update(step);
      EXPECT_GE(pruner.sparsity(), last);
      last = pruner.sparsity();
      optimizer.zero_grad();
      (weight * at::randn({16, 8})).sum().backward();  // without the mask: a gradient on pruned weights too
      optimizer.step();
      pruner.apply();
      const at::Tensor pruned = ~unpack_mask(pruner.targets()[0].mask, weight.sizes());
      ASSERT_TRUE(weight.detach().masked_select(pruned).eq(0).all().item<bool>()) << "step " << step;
    }
    EXPECT_EQ(weight.eq(0).sum().item<int64_t>(), std::llround(0.8 * 128));
  };
  train([](const at::Tensor& w) {
    return torch::optim::SGD({w}, torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.1));
  });
  train([](const at::Tensor& w) { return torch::optim::AdamW({w}, torch::optim::AdamWOptions(0.1)); });
}

TEST(Pruner, NanIsKeptSoThatItIsSeen) {
  at::Tensor weight = at::ones({8});
  weight[3] = std::nanf("");
  Pruner pruner({target("a", weight)}, Scope::global, constant(0.5));
  pruner.prune_to(0.5);
  EXPECT_TRUE(weight.isnan()[3].item<bool>());
}

TEST(Pruner, WrongArgumentsAreRefused) {
  const at::Tensor weight = at::randn({4, 4});
  EXPECT_THROW(Pruner({}, Scope::global, constant(0.5)), UsageError);
  EXPECT_THROW(Pruner({target("a", weight), target("a", weight)}, Scope::global, constant(0.5)), UsageError);
  EXPECT_THROW(Pruner({target("a", weight)}, Scope::global, constant(1.0)), UsageError);
  EXPECT_THROW(Pruner({{"a", weight, at::ones({4, 2}, at::kByte)}}, Scope::global, constant(0.5)), UsageError);
}

TEST(CountKept, CountsBits) {
  const at::Tensor mask = pack_mask(at::rand({13, 29}) > 0.3);
  EXPECT_EQ(count_kept({mask}), unpack_mask(mask, {13, 29}).sum().item<int64_t>());
  EXPECT_EQ(count_kept({}), 0);
}

}  // namespace
}  // namespace compress::prune
