#include <gtest/gtest.h>
#include <torch/optim.h>

#include <cmath>

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/models/network.h"
#include "compress/models/weights.h"
#include "compress/nn/batch_norm.h"
#include "compress/nn/compressible.h"
#include "compress/ops/distillation_loss.h"
#include "compress/recipe/compressor.h"
#include "compress/recipe/network_layers.h"
#include "compress/recipe/prune_method.h"
#include "compress/recipe/quantize_method.h"
#include "compress/recipe/selection.h"
#include "core/temp_folder.h"

namespace compress::recipe {
namespace {

constexpr models::InputShape digits{1, 8, 8, 10};
constexpr RunLength run{100, 10};

struct Fixture {
  std::shared_ptr<models::Network> network = models::make_network(models::ConvnetOptions{8}, digits);
  Attachment attachment = make_attachment(
      *network, [network = network.get()](const at::Tensor& x) { return network->forward(x); }, digits, at::kCPU, run);
};

std::vector<std::string> names(const Layers& layers) {
  std::vector<std::string> result;
  for (const auto& layer : layers) {
    result.push_back(layer->name());
  }
  return result;
}

template <typename Call>
std::string usage_error(Call&& call) {
  return test::error_of<UsageError>(call);
}

TEST(Selection, MatchesNamesPrefixesPatternsAndTypes) {
  const Fixture fixture;
  const auto select = [&](std::vector<std::string> include, std::vector<std::string> exclude) {
    return names(select_layers(fixture.attachment, include, exclude, "prune").layers);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(select({}, {}), (Names{"block1.conv", "block2.conv", "block3.conv", "head"}));
  EXPECT_EQ(select({"block2"}, {}), Names{"block2.conv"});
  EXPECT_EQ(select({}, {"head", "block1.conv"}), (Names{"block2.conv", "block3.conv"}));
  EXPECT_EQ(select({"block*"}, {"block3*"}), (Names{"block1.conv", "block2.conv"}));
  EXPECT_EQ(select({"Linear"}, {}), Names{"head"});
}

TEST(Selection, SaysWhatItLeavesOutAndRefusesWhatMatchesNothing) {
  const Fixture fixture;
  const Selection selection = select_layers(fixture.attachment, {}, {"head"}, "prune");
  ASSERT_EQ(selection.left_out.size(), 1u);
  EXPECT_EQ(selection.left_out[0].action, "left out: exclude 'head'");
  const std::string text = usage_error([&] { select_layers(fixture.attachment, {}, {"haed"}, "prune"); });
  EXPECT_NE(text.find("prune.exclude: 'haed' matches no layer, did you mean 'head'?"), std::string::npos) << text;
  EXPECT_NE(usage_error([&] { select_layers(fixture.attachment, {}, {"*"}, "prune"); }).find("no layer is left"),
            std::string::npos);
}

TEST(Selection, ALayerWithoutSlotsIsToldApartFromAnUnknownName) {
  Fixture fixture;
  fixture.attachment.others = {{"block1.bn", "BatchNorm2d", "it is folded into its convolution"}};
  EXPECT_EQ(usage_error([&] { select_layers(fixture.attachment, {"block1.bn"}, {}, "prune"); }),
            "prune.include: 'block1.bn' is block1.bn, a BatchNorm2d, which cannot be compressed: it is folded into its "
            "convolution");
  const Selection selection = select_layers(fixture.attachment, {"block1"}, {"BatchNorm2d"}, "prune");
  EXPECT_EQ(names(selection.layers), std::vector<std::string>{"block1.conv"});
  EXPECT_EQ(selection.left_out.back().action, "left out: it is folded into its convolution");
}

TEST(PruneMethod, MovesMasksOnScheduleAndKeepsPrunedWeightsAtZero) {
  Fixture fixture;
  PruneOptions options;
  options.sparsity = 0.8;
  options.schedule.end = Duration::percent(50);
  options.schedule.every = 10;
  options.exclude = {"head"};
  PruneMethod method(options);
  method.attach(fixture.attachment);
  EXPECT_FALSE(fixture.attachment.layers.back()->weight_mask().defined());
  torch::optim::SGD optimizer(fixture.network->parameters(),
                              torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(0.01));
  double sparsity = 0;
  for (int64_t step = 0; step < 60; ++step) {
    method.before_step(step);
    optimizer.zero_grad();
    fixture.network->forward(at::randn({4, 1, 8, 8})).pow(2).sum().backward();
    optimizer.step();
    method.after_step(step);
    EXPECT_GE(method.metrics()[0].second, sparsity);
    sparsity = method.metrics()[0].second;
  }
  int64_t zeros = 0, elements = 0;
  for (size_t i = 0; i < 3; ++i) {
    const at::Tensor weight = fixture.attachment.layers[i]->weight();
    zeros += weight.eq(0).sum().item<int64_t>();
    elements += weight.numel();
  }
  EXPECT_EQ(zeros, std::llround(0.8 * static_cast<double>(elements)));
}

TEST(PruneMethod, ScheduleOutsideTheRunIsRefused) {
  const auto attach = [](Duration start, Duration end) {
    return usage_error([&] {
      Fixture fixture;
      PruneOptions options;
      options.schedule.start = start;
      options.schedule.end = end;
      PruneMethod(options).attach(fixture.attachment);
    });
  };
  EXPECT_EQ(attach(Duration::percent(0), Duration::percent(100)), "");
  EXPECT_NE(attach(Duration::steps(100), Duration::percent(100)).find("schedule.start"), std::string::npos);
  EXPECT_NE(attach(Duration::steps(0), Duration::steps(101)).find("schedule.end"), std::string::npos);
  EXPECT_NE(attach(Duration::steps(50), Duration::steps(40)).find("before start"), std::string::npos);
}

TEST(PruneMethod, AScheduleThatEndsWithTheRunReachesItsSparsity) {
  Fixture fixture;
  PruneOptions options;
  options.schedule.end = Duration::percent(100);
  options.schedule.every = 7;
  PruneMethod method(options);
  method.attach(fixture.attachment);
  for (int64_t step = 0; step < run.total_steps; ++step) {
    method.before_step(step);
  }
  EXPECT_NEAR(method.metrics()[0].second, 0.9, 1e-3);
}

TEST(QuantizeMethod, TurnsQuantizersOnAndObserversOff) {
  Fixture fixture;
  QuantizeOptions options;
  options.start = Duration::percent(20);
  options.freeze_observers = Duration::percent(80);
  QuantizeMethod method(options);
  method.attach(fixture.attachment);
  nn::Compressible& layer = *nn::compressible_layers(*fixture.network)[0].layer;
  const auto* norm = dynamic_cast<nn::BatchNorm2dImpl*>(fixture.network->named_modules()["block1.bn"].get());
  method.before_step(19);
  EXPECT_FALSE(layer.weight_quantizer->enabled || layer.input_quantizer->enabled || norm->frozen);
  method.before_step(20);
  EXPECT_TRUE(layer.weight_quantizer->enabled && layer.input_quantizer->observing && !norm->frozen);
  method.before_step(80);
  EXPECT_TRUE(layer.weight_quantizer->enabled && !layer.input_quantizer->observing && norm->frozen);
  method.resume(50);
  EXPECT_TRUE(layer.weight_quantizer->enabled && layer.weight_quantizer->observing && !norm->frozen);
}

TEST(QuantizeMethod, ObserversNeedBatchesBeforeTheyFreeze) {
  Fixture fixture;
  QuantizeOptions options;
  options.start = options.freeze_observers = Duration::percent(50);
  const std::string text = usage_error([&] { QuantizeMethod(options).attach(fixture.attachment); });
  EXPECT_NE(text.find("quantize.freeze_observers"), std::string::npos) << text;
}

TEST(Compressor, AnEmptyRecipeChangesNothing) {
  Fixture fixture;
  const size_t tensors = models::state_dict(*fixture.network).size();
  Compressor compressor({}, fixture.attachment);
  const at::Tensor loss = at::ones({});
  const at::Tensor x = at::zeros({1});
  EXPECT_TRUE(compressor.loss(loss, {x, x, x}).is_same(loss));
  EXPECT_EQ(models::state_dict(*fixture.network).size(), tensors);
  EXPECT_TRUE(compressor.parameter_groups().empty());
  EXPECT_EQ(network_parameter_groups(*fixture.network).size(), 1u);
}

TEST(Compressor, LearnedScalesTrainWithoutWeightDecay) {
  Fixture fixture;
  QuantizeOptions options;
  options.weight->scale = quant::ScaleSource::learned;
  Compressor compressor({options}, fixture.attachment);
  const auto groups = network_parameter_groups(*fixture.network);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[1].parameters.size(), 4u);
  EXPECT_EQ(groups[1].weight_decay, 0.0);
}

struct WithTeacher : Fixture {
  test::TempFolder folder;
  std::shared_ptr<models::Network> teacher = models::make_network(models::ConvnetOptions{16}, digits);
  WithTeacher() { save_safetensors(folder / "teacher.safetensors", models::state_dict(*teacher)); }
  DistillOptions options() const {
    DistillOptions result;
    result.teacher = TeacherOptions{models::ConvnetOptions{16}, (folder / "teacher.safetensors").string()};
    return result;
  }
};

TEST(DistillMethod, AddsTheWeightedLossesOfAFrozenTeacher) {
  WithTeacher fixture;
  DistillOptions options = fixture.options();
  options.task_weight = 0.25;
  options.losses = {KlTerm{4.0, 0.9}, FeatureTerm{distill::FeatureLoss::mse, {{"block3", "block3"}}, 0.1}};
  Compressor compressor({options}, fixture.attachment);
  ASSERT_EQ(compressor.tensors().size(), 2u) << "a projector from 8 channels to 16: weight and bias";
  ASSERT_EQ(compressor.parameter_groups().size(), 1u);
  const at::Tensor x = at::randn({6, 1, 8, 8}), target = at::randint(10, {6});
  const at::Tensor logits = fixture.network->forward(x);
  const at::Tensor task = at::cross_entropy_loss(logits, target);
  const at::Tensor loss = compressor.loss(task, {x, logits, target});
  fixture.teacher->eval();
  const at::Tensor kl = distillation_loss(logits, fixture.teacher->forward(x).detach(), 4.0);
  const double feature = (loss - 0.25 * task - 0.9 * kl).item<double>();
  EXPECT_GT(feature, 0);
  loss.backward();
  EXPECT_TRUE(compressor.tensors()[0].second.grad().ne(0).any().item<bool>()) << "the projector learns";
}

TEST(DistillMethod, WithoutFeaturesTheLossIsKlAlone) {
  WithTeacher fixture;
  Compressor compressor({fixture.options()}, fixture.attachment);
  const at::Tensor x = at::randn({6, 1, 8, 8}), target = at::randint(10, {6});
  const at::Tensor logits = fixture.network->forward(x);
  const at::Tensor task = at::cross_entropy_loss(logits, target);
  fixture.teacher->eval();
  const at::Tensor expected = task + 0.9 * distillation_loss(logits, fixture.teacher->forward(x).detach(), 4.0);
  EXPECT_TRUE(at::allclose(compressor.loss(task, {x, logits, target}), expected));
}

TEST(DistillMethod, WrongTeachersAreRefused) {
  WithTeacher fixture;
  DistillOptions wrong = fixture.options();
  wrong.teacher->model = models::ConvnetOptions{32};
  EXPECT_NE(test::error_of<Error>([&] { Compressor({wrong}, fixture.attachment); }).find("has shape"),
            std::string::npos);
  wrong = fixture.options();
  wrong.teacher->checkpoint = (fixture.folder / "nowhere").string();
  EXPECT_NE(test::error_of<Error>([&] { Compressor({wrong}, fixture.attachment); }).find("nowhere"), std::string::npos);
  wrong = fixture.options();
  wrong.losses = {FeatureTerm{distill::FeatureLoss::mse, {{"block4", "block3"}}, 0.1}};
  EXPECT_NE(usage_error([&] { Compressor({wrong}, fixture.attachment); }).find("block4"), std::string::npos);
}

}  // namespace
}  // namespace compress::recipe
