#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "compress/core/error.h"
#include "compress/models/network.h"
#include "compress/models/weights.h"
#include "compress/nn/compressible.h"
#include "core/temp_folder.h"

namespace compress::models {
namespace {

int64_t parameter_count(const ModelOptions& options, const InputShape& shape) {
  int64_t count = 0;
  for (const at::Tensor& parameter : make_network(options, shape)->parameters()) {
    count += parameter.numel();
  }
  return count;
}

constexpr InputShape digits{1, 8, 8, 10};
constexpr InputShape cifar{3, 32, 32, 10};
constexpr InputShape imagenet{3, 224, 224, 1000};

TEST(Models, ParameterCountsAreThePublishedOnes) {
  EXPECT_EQ(parameter_count(ConvnetOptions{64}, digits), 58634);
  EXPECT_EQ(parameter_count(ConvnetOptions{24}, digits), 9034);
  // LeNet-300-100 on MNIST.
  EXPECT_EQ(parameter_count(MlpOptions{}, {1, 28, 28, 10}), 266610);
  // torchvision's resnet18 and resnet50.
  EXPECT_EQ(parameter_count(ResnetOptions{18}, imagenet), 11689512);
  EXPECT_EQ(parameter_count(ResnetOptions{50}, imagenet), 25557032);
  // 0.27 M, 0.46 M, 0.85 M in He et al. 2016, table 6, without the two 1x1 projections of option B (2,752 with norms).
  EXPECT_EQ(parameter_count(ResnetOptions{20}, cifar), 269722 + 2752);
  EXPECT_EQ(parameter_count(ResnetOptions{32}, cifar), 464154 + 2752);
  EXPECT_EQ(parameter_count(ResnetOptions{56}, cifar), 853018 + 2752);
}

TEST(Models, EachGivesLogitsAndGradientsToEveryParameter) {
  const std::vector<std::pair<ModelOptions, InputShape>> all = {{ConvnetOptions{}, digits},
                                                                {MlpOptions{{16}}, digits},
                                                                {ResnetOptions{20}, cifar},
                                                                {ResnetOptions{18}, {3, 64, 64, 7}}};
  for (const auto& [options, shape] : all) {
    const auto network = make_network(options, shape);
    const at::Tensor logits = network->forward(at::randn({2, shape.channels, shape.height, shape.width}));
    EXPECT_EQ(logits.sizes(), at::IntArrayRef({2, shape.classes})) << type_name(options);
    logits.pow(2).sum().backward();
    for (const auto& item : network->named_parameters()) {
      EXPECT_TRUE(item.value().grad().defined()) << item.key();
    }
  }
}

TEST(Models, ResnetStateDictHasTorchvisionsNames) {
  const auto network = make_network(ResnetOptions{50}, imagenet);
  std::set<std::string> names;
  for (const auto& [name, tensor] : state_dict(*network)) {
    names.insert(name);
  }
  for (const char* name : {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer1.0.bn3.bias",
                           "layer1.0.downsample.0.weight", "layer1.0.downsample.1.num_batches_tracked",
                           "layer4.2.conv3.weight", "fc.weight", "fc.bias"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_EQ(names.size(), 320u) << "torchvision's resnet50 has 320 tensors";
}

TEST(Models, OptionsThatGiveNoNetworkAreRefused) {
  EXPECT_THROW(make_network(ResnetOptions{21}, cifar), UsageError);
  EXPECT_THROW(make_network(ConvnetOptions{7}, digits), UsageError);
  EXPECT_THROW(make_network(ConvnetOptions{}, {1, 2, 2, 10}), UsageError);
  EXPECT_THROW(make_network(MlpOptions{{0}}, digits), UsageError);
}

TEST(Weights, LoadingIsStrictAndNamesWhatDoesNotFit) {
  const auto network = make_network(MlpOptions{{16}}, digits);
  NamedTensors tensors;
  for (const auto& [name, tensor] : state_dict(*network)) {
    tensors.emplace_back(name, at::ones_like(tensor));
  }
  NamedTensors missing(tensors.begin() + 1, tensors.end());
  EXPECT_NE(
      test::error_of<Error>([&] { load_state_dict(*network, missing, "a.file"); }).find("a.file: misses 'fc1.weight'"),
      std::string::npos);
  NamedTensors unknown = tensors;
  unknown.emplace_back("fc1.weigth", at::ones({1}));
  const std::string text = test::error_of<Error>([&] { load_state_dict(*network, unknown, "a.file"); });
  EXPECT_NE(text.find("'fc1.weigth'"), std::string::npos) << text;
  EXPECT_NE(text.find("did you mean 'fc1.weight'"), std::string::npos) << text;
  NamedTensors shape = tensors;
  shape[0].second = at::ones({2, 2});
  EXPECT_NE(test::error_of<Error>([&] { load_state_dict(*network, shape, "a.file"); }).find("has shape [2, 2]"),
            std::string::npos);
  EXPECT_FALSE(at::equal(state_dict(*network)[0].second, tensors[0].second)) << "a failed load writes nothing";
  load_state_dict(*network, tensors, "a.file");
  EXPECT_TRUE(at::equal(state_dict(*network)[0].second, tensors[0].second));
}

TEST(Weights, AScaleThatIsNotPositiveIsRefused) {
  const auto network = make_network(MlpOptions{{16}}, digits);
  nn::compressible_layers(*network)[0].layer->add_weight_quantizer(quant::default_weight_options());
  for (const double scale : {0.0, -1.0, std::nan("")}) {
    NamedTensors tensors;
    for (const auto& [name, tensor] : state_dict(*network)) {
      tensors.emplace_back(name, tensor.detach().clone());
      if (name == "fc1.weight_quantizer.scale") {
        tensors.back().second[3] = scale;
      }
    }
    const std::string text = test::error_of<Error>([&] { load_state_dict(*network, tensors, "a.file"); });
    EXPECT_NE(text.find("a.file: 'fc1.weight_quantizer.scale' holds a scale that is not positive"), std::string::npos);
  }
}

TEST(Weights, AFileACheckpointAndARunFolderAllMeanWeights) {
  const test::TempFolder folder;
  namespace fs = std::filesystem;
  fs::create_directories(folder.path() / "checkpoints" / "step_00000002");
  const fs::path weights = folder.path() / "checkpoints" / "step_00000002" / "model.safetensors";
  EXPECT_THROW(find_weights(folder.path()), Error);
  std::ofstream(weights) << "x";
  std::ofstream(folder.path() / "checkpoints" / "latest") << "step_00000002\n";
  EXPECT_EQ(find_weights(folder.path()), weights);
  EXPECT_EQ(find_weights(weights.parent_path()), weights);
  EXPECT_EQ(find_weights(weights), weights);
  std::ofstream(folder.path() / "checkpoints" / "latest") << "step_00000009\n";
  EXPECT_THROW(find_weights(folder.path()), Error);
  EXPECT_THROW(find_weights(folder.path() / "nowhere"), Error);
}

}  // namespace
}  // namespace compress::models
