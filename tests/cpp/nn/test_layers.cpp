#include <gtest/gtest.h>
#include <torch/nn.h>

#include "compress/core/error.h"
#include "compress/models/weights.h"
#include "compress/nn/conv2d.h"
#include "compress/nn/embedding.h"
#include "compress/nn/linear.h"
#include "compress/ops/apply_mask.h"
#include "compress/ops/fake_quantize.h"
#include "compress/ops/pack_mask.h"

namespace compress::nn {
namespace {

quant::QuantizerOptions channel_int8() {
  return quant::default_weight_options();
}

at::Tensor half_mask(const at::Tensor& weight) {
  return pack_mask(weight.detach() > 0);
}

// A layer of ours and torch's own, made from the same random numbers.
template <typename Ours, typename Theirs, typename Options>
std::pair<Ours, Theirs> twins(const Options& options) {
  torch::manual_seed(1);
  Ours ours(options);
  torch::manual_seed(1);
  Theirs theirs(options);
  return {ours, theirs};
}

template <typename Ours, typename Theirs>
void expect_same_state(Ours& ours, Theirs& theirs) {
  const NamedTensors own = models::state_dict(*ours), other = models::state_dict(*theirs);
  ASSERT_EQ(own.size(), other.size());
  for (size_t i = 0; i < own.size(); ++i) {
    EXPECT_EQ(own[i].first, other[i].first);
    EXPECT_TRUE(at::equal(own[i].second, other[i].second)) << own[i].first;
  }
}

TEST(Linear, WithoutSlotsIsTorchs) {
  for (const bool bias : {true, false}) {
    auto [ours, theirs] = twins<Linear, torch::nn::Linear>(torch::nn::LinearOptions(7, 5).bias(bias));
    expect_same_state(ours, theirs);
    const at::Tensor x = at::randn({3, 7});
    EXPECT_TRUE(at::equal(ours->forward(x), theirs->forward(x)));
  }
}

TEST(Conv2d, WithoutSlotsIsTorchsForEveryOption) {
  using torch::nn::Conv2dOptions;
  const std::vector<Conv2dOptions> all = {Conv2dOptions(4, 6, 3),
                                          Conv2dOptions(4, 6, 3).stride(2).padding(1).bias(false),
                                          Conv2dOptions(4, 6, {3, 1}).padding({1, 0}).dilation(2),
                                          Conv2dOptions(4, 6, 3).groups(2).padding(torch::kSame),
                                          Conv2dOptions(4, 6, 3).padding(1).padding_mode(torch::kReflect),
                                          Conv2dOptions(4, 6, 3).padding(1).padding_mode(torch::kCircular),
                                          Conv2dOptions(4, 6, 3).padding(1).padding_mode(torch::kReplicate)};
  const at::Tensor x = at::randn({2, 4, 9, 8});
  for (size_t i = 0; i < all.size(); ++i) {
    auto [ours, theirs] = twins<Conv2d, torch::nn::Conv2d>(all[i]);
    expect_same_state(ours, theirs);
    EXPECT_TRUE(at::equal(ours->forward(x), theirs->forward(x))) << "options " << i;
  }
}

TEST(Embedding, WithoutSlotsIsTorchs) {
  auto [ours, theirs] = twins<Embedding, torch::nn::Embedding>(torch::nn::EmbeddingOptions(11, 4).padding_idx(2));
  expect_same_state(ours, theirs);
  const at::Tensor indices = at::randint(11, {3, 5});
  EXPECT_TRUE(at::equal(ours->forward(indices), theirs->forward(indices)));
}

TEST(BatchNorm2d, IsTorchsUntilFrozen) {
  auto [ours, theirs] = twins<BatchNorm2d, torch::nn::BatchNorm2d>(torch::nn::BatchNormOptions(4));
  const at::Tensor x = at::randn({5, 4, 3, 3}) * 2 + 1;
  EXPECT_TRUE(at::equal(ours->forward(x), theirs->forward(x)));
  expect_same_state(ours, theirs);
  ours->frozen = true;
  theirs->eval();
  EXPECT_TRUE(at::equal(ours->forward(x), theirs->forward(x)));
  expect_same_state(ours, theirs);
}

TEST(Layers, AMaskZeroesWeightsAndTheirGradients) {
  Linear layer(torch::nn::LinearOptions(6, 4));
  layer->add_weight_mask();
  layer->weight_mask.copy_(half_mask(layer->weight));
  const at::Tensor x = at::randn({3, 6});
  const at::Tensor kept = layer->weight.detach() * (layer->weight.detach() > 0);
  const at::Tensor y = layer->forward(x);
  EXPECT_TRUE(at::equal(y, at::linear(x, kept, layer->bias)));
  y.sum().backward();
  EXPECT_TRUE(layer->weight.grad().masked_select(layer->weight <= 0).eq(0).all().item<bool>());
  EXPECT_TRUE(layer->weight.grad().masked_select(layer->weight > 0).ne(0).any().item<bool>());
}

TEST(Layers, QuantizersAreTheOperatorsOnTheirScales) {
  Linear layer(torch::nn::LinearOptions(6, 4));
  layer->add_weight_quantizer(channel_int8());
  layer->add_input_quantizer(quant::default_activation_options());
  const at::Tensor x = at::randn({3, 6});
  EXPECT_TRUE(at::equal(layer->forward(x), at::linear(x, layer->weight, layer->bias))) << "not enabled yet";
  layer->weight_quantizer->enabled = layer->input_quantizer->enabled = true;
  const at::Tensor y = layer->forward(x);
  const auto& weight = layer->weight_quantizer->state();
  const auto& input = layer->input_quantizer->state();
  EXPECT_TRUE(at::allclose(weight.scale, layer->weight.detach().abs().amax(1, true) / 127.0));
  EXPECT_TRUE(at::equal(input.min, x.amin()) && at::equal(input.max, x.amax()));
  const at::Tensor expected = at::linear(fake_quantize(x, input.scale, input.zero_point, -128, 127),
                                         fake_quantize(layer->weight, weight.scale, {}, -127, 127), layer->bias);
  EXPECT_TRUE(at::equal(y, expected));
}

TEST(Layers, EvaluationLeavesObserversAlone) {
  Linear layer(torch::nn::LinearOptions(6, 4));
  layer->add_input_quantizer(quant::default_activation_options());
  layer->input_quantizer->enabled = true;
  layer->forward(at::randn({3, 6}));
  const at::Tensor before = layer->input_quantizer->state().scale.clone();
  layer->eval();
  layer->forward(at::randn({3, 6}) * 100);
  EXPECT_TRUE(at::equal(layer->input_quantizer->state().scale, before));
  layer->train();
  layer->input_quantizer->observing = false;
  layer->forward(at::randn({3, 6}) * 100);
  EXPECT_TRUE(at::equal(layer->input_quantizer->state().scale, before));
}

TEST(Layers, SlotsHaveTheirNamesInTheStateDict) {
  Linear layer(torch::nn::LinearOptions(6, 4));
  layer->add_weight_mask();
  layer->add_weight_quantizer(channel_int8());
  layer->add_input_quantizer(quant::default_activation_options());
  std::set<std::string> names;
  for (const auto& [name, tensor] : models::state_dict(*layer)) {
    names.insert(name);
  }
  EXPECT_EQ(names, (std::set<std::string>{"weight", "bias", "weight_mask", "weight_quantizer.scale",
                                          "weight_quantizer.min", "weight_quantizer.max", "input_quantizer.scale",
                                          "input_quantizer.zero_point", "input_quantizer.min", "input_quantizer.max"}));
  EXPECT_THROW(layer->add_weight_mask(), UsageError);
  EXPECT_THROW(layer->add_weight_quantizer(channel_int8()), UsageError);
  Embedding embedding(torch::nn::EmbeddingOptions(5, 4));
  EXPECT_THROW(embedding->add_input_quantizer(quant::default_activation_options()), UsageError);
}

TEST(Layers, ALearnedScaleIsAParameterThatLearns) {
  quant::QuantizerOptions options = channel_int8();
  options.scale = quant::ScaleSource::learned;
  Linear layer(torch::nn::LinearOptions(6, 4));
  layer->add_weight_quantizer(options);
  layer->weight_quantizer->enabled = true;
  layer->forward(at::randn({3, 6})).pow(2).sum().backward();
  EXPECT_TRUE(layer->weight_quantizer->initialized);
  const at::Tensor expected = 2 * layer->weight.detach().abs().mean(1, true) / std::sqrt(127.0);
  EXPECT_TRUE(at::allclose(layer->weight_quantizer->state().scale, expected));
  EXPECT_EQ(layer->named_parameters()["weight_quantizer.scale"].grad().sizes(), at::IntArrayRef({4, 1}));
}

struct ConvAndNorm {
  Conv2d conv{torch::nn::Conv2dOptions(3, 5, 3).padding(1)};
  BatchNorm2d bn{5};
  ConvAndNorm() {
    conv->set_batch_norm(bn);
    const at::NoGradGuard no_grad;
    bn->weight.uniform_(0.5, 1.5);
    bn->bias.uniform_(-1, 1);
    bn->running_mean.uniform_(-1, 1);
    bn->running_var.uniform_(0.5, 2);
  }
  void train(bool on) {
    conv->train(on);
    bn->train(on);
  }
};

TEST(FoldedBatchNorm, UnquantizedIsConvolutionThenBatchNorm) {
  ConvAndNorm pair;
  const at::Tensor x = at::randn({2, 3, 6, 6});
  torch::nn::Conv2d conv(torch::nn::Conv2dOptions(3, 5, 3).padding(1));
  conv->weight = pair.conv->weight;
  conv->bias = pair.conv->bias;
  pair.train(false);
  const at::Tensor expected = pair.bn->forward(conv->forward(x));
  EXPECT_TRUE(at::equal(pair.conv->forward(x), expected));
}

TEST(FoldedBatchNorm, EvaluationIsTheDeployedLayerBitForBit) {
  ConvAndNorm pair;
  pair.conv->add_weight_mask();
  pair.conv->weight_mask.copy_(half_mask(pair.conv->weight));
  pair.conv->add_weight_quantizer(channel_int8());
  pair.conv->weight_quantizer->enabled = true;
  const at::Tensor x = at::randn({2, 3, 6, 6});
  pair.train(true);
  pair.conv->forward(x);
  pair.train(false);
  const at::Tensor y = pair.conv->forward(x);
  const auto& quantizer = *pair.conv->weight_quantizer;
  const at::Tensor integers = quant::quantize(quantizer.state(), quantizer.options(), pair.conv->deployed_weight());
  EXPECT_EQ(integers.scalar_type(), at::kChar);
  Conv2d deployed(torch::nn::Conv2dOptions(3, 5, 3).padding(1));
  deployed->load_deployed(quant::dequantize(integers, quantizer.state().scale, {}), pair.conv->deployed_bias(), false);
  deployed->eval();
  EXPECT_TRUE(at::equal(deployed->forward(x), y));
}

TEST(FoldedBatchNorm, FrozenTrainingSeesWhatEvaluationSees) {
  ConvAndNorm pair;
  pair.conv->add_weight_quantizer(channel_int8());
  pair.conv->weight_quantizer->enabled = true;
  const at::Tensor x = at::randn({2, 3, 6, 6});
  pair.conv->forward(x);
  pair.bn->frozen = true;
  pair.conv->weight_quantizer->observing = false;
  const at::Tensor mean = pair.bn->running_mean.clone();
  const at::Tensor trained = pair.conv->forward(x);
  EXPECT_TRUE(at::equal(pair.bn->running_mean, mean));
  pair.train(false);
  EXPECT_TRUE(at::equal(pair.conv->forward(x), trained));
}

TEST(FoldedBatchNorm, TrainingWithBatchStatisticsApproachesPlainBatchNormOnAFineGrid) {
  // int8 per channel: the weight moves by at most half a step, 1/254 of its channel's largest value.
  ConvAndNorm pair;
  const at::Tensor x = at::randn({8, 3, 6, 6});
  const at::Tensor plain = pair.conv->forward(x);
  pair.conv->add_weight_quantizer(channel_int8());
  pair.conv->weight_quantizer->enabled = true;
  EXPECT_TRUE(at::allclose(pair.conv->forward(x), plain, 0.05, 0.05));
  EXPECT_FALSE(at::equal(pair.conv->forward(x), plain));
}

TEST(FoldedBatchNorm, AZeroBatchNormWeightStillLearns) {
  ConvAndNorm pair;
  pair.conv->add_weight_quantizer(channel_int8());
  pair.conv->weight_quantizer->enabled = true;
  {
    const at::NoGradGuard no_grad;
    pair.bn->weight.zero_();
  }
  const at::Tensor y = pair.conv->forward(at::randn({4, 3, 6, 6}));
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  (y * at::randn_like(y)).sum().backward();
  EXPECT_TRUE(pair.bn->weight.grad().isfinite().all().item<bool>());
  EXPECT_TRUE(pair.bn->weight.grad().ne(0).any().item<bool>());
}

TEST(FoldedBatchNorm, FeatureCountsMustMeet) {
  Conv2d conv(torch::nn::Conv2dOptions(3, 5, 3));
  EXPECT_THROW(conv->set_batch_norm(BatchNorm2d(4)), UsageError);
}

}  // namespace
}  // namespace compress::nn
