#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "compress/core/error.h"
#include "compress/optim/optimizer.h"
#include "core/temp_folder.h"

namespace compress::optim {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

/// Odd sizes (vector tails), a channels-last one, a scalar, an empty one.
NamedTensors make_parameters(at::ScalarType dtype) {
  at::manual_seed(1);
  NamedTensors parameters{{"conv", at::randn({6, 3, 3, 3}, dtype).contiguous(at::MemoryFormat::ChannelsLast)},
                          {"weight", at::randn({37, 11}, dtype)},
                          {"depthwise", at::randn({5, 1, 3, 3}, dtype)},
                          {"scale", at::randn({}, dtype)},
                          {"none", at::empty({0, 3}, dtype)}};
  for (auto& [name, parameter] : parameters) {
    parameter.requires_grad_();
  }
  return parameters;
}

std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : named) {
    tensors.push_back(tensor);
  }
  return tensors;
}

/// Gradients of step `step`; `skipped` gets none.
void set_gradients(const std::vector<at::Tensor>& parameters, int64_t step, int64_t skipped = -1) {
  at::manual_seed(static_cast<uint64_t>(100 + step));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor gradient = at::randn_like(parameters[i], at::TensorOptions().requires_grad(false));
    if (static_cast<int64_t>(i) != skipped) {
      parameters[i].mutable_grad() = gradient;
    }
  }
}

std::unique_ptr<Optimizer> make(const OptimizerOptions& options, const NamedTensors& parameters) {
  return make_optimizer(options, {{"all", parameters}});
}

struct Case {
  std::string name;
  OptimizerOptions options;
};

const std::vector<Case> all_cases{
    {"SgdPlain", SgdOptions{0.1, 0, false, 0}},
    {"SgdDecay", SgdOptions{0.1, 0, false, 1e-2}},
    {"SgdMomentum", SgdOptions{0.05, 0.9, false, 0}},
    {"SgdMomentumDecay", SgdOptions{0.05, 0.9, false, 1e-2}},
    {"SgdNesterov", SgdOptions{0.05, 0.9, true, 1e-2}},
    {"Adamw", AdamwOptions{}},
    {"AdamwNoDecay", AdamwOptions{1e-2, 0.8, 0.95, 1e-6, 0}},
};

std::unique_ptr<torch::optim::Optimizer> make_torch(const OptimizerOptions& options,
                                                    const std::vector<at::Tensor>& parameters) {
  if (const auto* sgd = std::get_if<SgdOptions>(&options)) {
    return std::make_unique<torch::optim::SGD>(parameters, torch::optim::SGDOptions(sgd->lr)
                                                               .momentum(sgd->momentum)
                                                               .nesterov(sgd->nesterov)
                                                               .weight_decay(sgd->weight_decay));
  }
  const auto& adamw = std::get<AdamwOptions>(options);
  return std::make_unique<torch::optim::AdamW>(parameters, torch::optim::AdamWOptions(adamw.lr)
                                                               .betas({adamw.beta1, adamw.beta2})
                                                               .eps(adamw.eps)
                                                               .weight_decay(adamw.weight_decay));
}

class EachOptimizer : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Optimizers, EachOptimizer, testing::ValuesIn(all_cases),
                         [](const auto& info) { return info.param.name; });

TEST_P(EachOptimizer, FollowsTorchOverManySteps) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const NamedTensors named = make_parameters(dtype);
    const std::vector<at::Tensor> ours = tensors_of(named);
    const std::vector<at::Tensor> theirs = tensors_of(make_parameters(dtype));
    const auto optimizer = make(GetParam().options, named);
    const auto torch_optimizer = make_torch(GetParam().options, theirs);
    for (int64_t step = 0; step < 40; ++step) {
      optimizer->zero_grad();
      torch_optimizer->zero_grad();
      // 'weight' starts late and pauses: its momentum and its bias correction are its own.
      const int64_t skipped = step < 3 || step % 7 == 0 ? 1 : -1;
      set_gradients(ours, step, skipped);
      set_gradients(theirs, step, skipped);
      optimizer->step(base_lr(GetParam().options));
      torch_optimizer->step();
    }
    // Fused kernels round in another order; a difference grows with the steps. fp64 shows that the formula is the same.
    const double tolerance = dtype == at::kFloat ? 2e-5 : 1e-12;
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(at::allclose(ours[i], theirs[i], tolerance, tolerance)) << named[i].first << " " << dtype;
    }
  }
}

TEST_P(EachOptimizer, ResumesBitForBit) {
  const NamedTensors named = make_parameters(at::kFloat);
  const std::vector<at::Tensor> whole = tensors_of(named);
  const auto optimizer = make(GetParam().options, named);
  NamedTensors saved_parameters, saved_state;
  for (int64_t step = 0; step < 20; ++step) {
    if (step == 10) {
      for (const auto& [name, parameter] : named) {
        saved_parameters.emplace_back(name, parameter.detach().clone().requires_grad_());
      }
      for (const auto& [name, buffer] : optimizer->state()) {
        saved_state.emplace_back(name, buffer.clone());
      }
    }
    set_gradients(whole, step, step % 2);
    optimizer->step(0.01);
    optimizer->zero_grad();
  }
  const auto resumed = make(GetParam().options, saved_parameters);
  resumed->load_state(saved_state);
  const std::vector<at::Tensor> parts = tensors_of(saved_parameters);
  for (int64_t step = 10; step < 20; ++step) {
    set_gradients(parts, step, step % 2);
    resumed->step(0.01);
    resumed->zero_grad();
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_TRUE(at::equal(whole[i], parts[i])) << named[i].first;
  }
  const NamedTensors a = optimizer->state(), b = resumed->state();
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST_P(EachOptimizer, GradientOfOtherStridesIsReadRight) {
  const at::Tensor a = at::ones({8, 6}).requires_grad_();
  const at::Tensor b = at::ones({8, 6}).requires_grad_();
  a.mutable_grad() = at::arange(48.0f).view({6, 8}).t();
  b.mutable_grad() = a.grad().contiguous();
  make(GetParam().options, {{"a", a}})->step(0.1);
  make(GetParam().options, {{"b", b}})->step(0.1);
  EXPECT_TRUE(at::equal(a, b));
}

TEST_P(EachOptimizer, GroupsHaveRatesAndDecaysOfTheirOwn) {
  const auto parameter = [] { return at::full({9}, 2.0).requires_grad_(); };
  const at::Tensor slow = parameter(), undecayed = parameter(), expected_slow = parameter(),
                   expected_undecayed = parameter();
  const auto optimizer = make_optimizer(GetParam().options, {{"slow", {{"slow", slow}}, 0.5}});
  optimizer->add_group({"undecayed", {{"undecayed", undecayed}}, 1.0, 0.0});
  ASSERT_EQ(optimizer->groups().size(), 2u);
  const auto half = make(GetParam().options, {{"p", expected_slow}});
  OptimizerOptions no_decay = GetParam().options;
  std::visit([](auto& options) { options.weight_decay = 0; }, no_decay);
  const auto without = make(no_decay, {{"p", expected_undecayed}});
  for (int step = 0; step < 3; ++step) {
    for (const at::Tensor& each : {slow, undecayed, expected_slow, expected_undecayed}) {
      each.mutable_grad() = at::full({9}, 0.5 + step);
    }
    optimizer->step(0.1);
    half->step(0.05);
    without->step(0.1);
  }
  EXPECT_TRUE(at::equal(slow, expected_slow));
  EXPECT_TRUE(at::equal(undecayed, expected_undecayed));
}

TEST(Optimizer, BfloatAndFloatParametersStepTogether) {
  const at::Tensor wide = at::ones({5}).requires_grad_();
  const at::Tensor narrow = at::ones({5}, at::kBFloat16).requires_grad_();
  const auto optimizer = make(SgdOptions{}, {{"wide", wide}, {"narrow", narrow}});
  wide.mutable_grad() = at::ones({5});
  narrow.mutable_grad() = at::ones({5}, at::kBFloat16);
  optimizer->step(0.5);
  EXPECT_NEAR(wide[0].item<float>(), 0.5 - 0.5 * 1e-4, 1e-6);
  EXPECT_NEAR(narrow[0].item<float>(), 0.5, 0.005);  // one bfloat16 rounding
}

TEST(Optimizer, StateHasTorchsNames) {
  const NamedTensors parameters{{"a", at::ones({2}).requires_grad_()}, {"b", at::ones({3}).requires_grad_()}};
  const auto names = [&](const OptimizerOptions& options) {
    std::vector<std::string> result;
    for (const auto& [name, buffer] : make(options, parameters)->state()) {
      result.push_back(name);
    }
    return result;
  };
  EXPECT_THAT(names(SgdOptions{}), ElementsAre("a.momentum_buffer", "b.momentum_buffer"));
  EXPECT_THAT(names(SgdOptions{0.1, 0}), ElementsAre());
  EXPECT_THAT(names(AdamwOptions{}),
              ElementsAre("a.exp_avg", "a.exp_avg_sq", "a.step", "b.exp_avg", "b.exp_avg_sq", "b.step"));
}

TEST(Optimizer, ZeroGradDropsGradients) {
  const at::Tensor parameter = at::ones({2}).requires_grad_();
  parameter.mutable_grad() = at::ones({2});
  const auto optimizer = make(SgdOptions{}, {{"a", parameter}});
  optimizer->zero_grad();
  EXPECT_FALSE(parameter.grad().defined());
  optimizer->step(0.1);
  EXPECT_TRUE(at::equal(parameter, at::ones({2})));
}

TEST(Optimizer, StateOfAnotherRunIsRefusedWhole) {
  const NamedTensors parameters{{"a", at::ones({2}).requires_grad_()}, {"b", at::ones({3}).requires_grad_()}};
  const auto optimizer = make(SgdOptions{}, parameters);
  const auto error = [&](const NamedTensors& state) { return error_of<Error>([&] { optimizer->load_state(state); }); };
  const at::Tensor two = at::ones({2}), three = at::ones({3});
  EXPECT_EQ(error({{"a.momentum_buffer", two}}), "optimizer: the saved state lacks 'b.momentum_buffer'");
  EXPECT_EQ(error({{"a.momentum_buffer", two}, {"b.momentum_buffer", three}, {"c.step", two}}),
            "optimizer: the saved state holds 'c.step', which this optimizer has not");
  EXPECT_EQ(error({{"a.momentum_buffer", three}, {"b.momentum_buffer", three}}),
            "optimizer: the saved state does not fit 'a.momentum_buffer' (got Float [3], expected Float [2])");
  EXPECT_THAT(error({{"a.momentum_buffer", two.to(at::kDouble)}, {"b.momentum_buffer", three}}),
              HasSubstr("(got Double [2], expected Float [2])"));
  EXPECT_THAT(error({{"a.momentum_buffer", two}, {"a.momentum_buffer", two}}), HasSubstr("twice"));
  EXPECT_THAT(error(make(AdamwOptions{}, parameters)->state()),
              HasSubstr("lacks 'a.momentum_buffer', 'b.momentum_buffer'; holds 'a.exp_avg', 'a.exp_avg_sq', 'a.step' "
                        "and 3 more, which"));
  for (const auto& [name, buffer] : optimizer->state()) {
    EXPECT_FALSE(buffer.any().item<bool>()) << name << " was written before all was checked";
  }
}

TEST(Optimizer, ParametersItCannotStepAreNamed) {
  const auto error = [](const NamedTensors& parameters) {
    return error_of<Error>([&] { make(SgdOptions{}, parameters); });
  };
  const at::Tensor good = at::ones({2}).requires_grad_();
  EXPECT_THAT(error({}), HasSubstr("there is no parameter to step"));
  EXPECT_THAT(error({{"a", at::Tensor()}}), HasSubstr("'a' is undefined"));
  EXPECT_THAT(error({{"a", at::ones({2}, at::kLong)}}), HasSubstr("'a' has dtype Long"));
  EXPECT_THAT(error({{"a", good * 2}}), HasSubstr("'a' is the result of an operator"));
  EXPECT_THAT(error({{"a", at::ones({4}).slice(0, 0, 4, 2)}}), HasSubstr("'a' has gaps or overlaps"));
  EXPECT_THAT(error({{"a", good}, {"a", at::ones({2})}}), HasSubstr("two parameters are named 'a'"));
  EXPECT_THAT(error({{"a", good}, {"b", good}}), HasSubstr("'b' is already here under another name"));
  const auto optimizer = make(SgdOptions{}, {{"a", good}});
  EXPECT_THAT(error_of<Error>([&] { optimizer->add_group({"more", {{"b", good}}}); }), HasSubstr("already here"));
  EXPECT_EQ(optimizer->groups().size(), 1u);
  good.mutable_grad() = at::ones({2}).to_sparse();
  EXPECT_THAT(error_of<Error>([&] { optimizer->step(0.1); }), HasSubstr("the gradient of 'a' is sparse"));
}

TEST(Optimizer, OptionsOutOfRangeAreNamed) {
  const NamedTensors parameters{{"a", at::ones({2}).requires_grad_()}};
  const auto error = [&](const OptimizerOptions& options) {
    return error_of<UsageError>([&] { make(options, parameters); });
  };
  EXPECT_THAT(error(SgdOptions{0.1, 1.0}), HasSubstr("momentum must be in [0, 1) (got 1)"));
  EXPECT_THAT(error(SgdOptions{0.1, 0, true}), HasSubstr("nesterov needs a momentum"));
  EXPECT_THAT(error(SgdOptions{0.1, 0.9, false, -1}), HasSubstr("weight_decay must be 0 or more"));
  EXPECT_THAT(error(AdamwOptions{1e-3, 1.0}), HasSubstr("beta1 must be in [0, 1)"));
  EXPECT_THAT(error(AdamwOptions{1e-3, 0.9, -0.1}), HasSubstr("beta2 must be in [0, 1)"));
  EXPECT_THAT(error(AdamwOptions{1e-3, 0.9, 0.99, -1}), HasSubstr("eps must be 0 or more"));
  EXPECT_THAT(error_of<UsageError>([&] {
                make_optimizer(SgdOptions{}, {{"g", parameters, -1.0}});
              }),
              HasSubstr("lr_scale of group 'g' must be 0 or more"));
  EXPECT_THAT(error_of<UsageError>([&] {
                make_optimizer(SgdOptions{}, {{"g", parameters, 1.0, -1.0}});
              }),
              HasSubstr("weight_decay of group 'g' must be 0 or more"));
  EXPECT_THAT(error_of<Error>([&] { make(SgdOptions{}, parameters)->step(NAN); }), HasSubstr("learning rate"));
  EXPECT_EQ(base_lr(SgdOptions{0.25}), 0.25);
  EXPECT_EQ(base_lr(AdamwOptions{0.5}), 0.5);
}

}  // namespace
}  // namespace compress::optim
