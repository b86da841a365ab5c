#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "compress/core/error.h"
#include "compress/export/measure.h"
#include "compress/export/packed.h"
#include "compress/models/weights.h"
#include "compress/nn/embedding.h"
#include "compress/nn/linear.h"
#include "core/temp_folder.h"
#include "export/compressed_networks.h"

namespace compress {
namespace {

using test::error_of;
using test::TempFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

using NetworkPtr = std::shared_ptr<models::Network>;

const models::InputShape digits{1, 8, 8, 10};
const models::ModelOptions student = models::ConvnetOptions{24};

NetworkPtr compressed_student(const at::Tensor& images) {
  NetworkPtr network = models::make_network(student, digits);
  test::prune_randomly(*network, 0.1);
  test::quantize(*network, quant::default_weight_options(), quant::default_activation_options());
  test::observe(*network, images);
  return network;
}

std::vector<std::string> names_of(const NamedTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    names.push_back(name);
  }
  return names;
}

/// Saves, loads into a fresh network of the same options, and compares what the two compute, bit for bit.
void expect_same_outputs(const NetworkPtr& network, const models::ModelOptions& options,
                         const models::InputShape& shape, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  const TempFolder folder;
  network->eval();
  const at::Tensor expected = network->forward(images);
  save_packed(folder / "model.safetensors", *network);
  const NetworkPtr fresh = models::make_network(options, shape);
  fresh->eval();
  ASSERT_FALSE(at::equal(fresh->forward(images), expected));
  load_packed(folder / "model.safetensors", *fresh);
  EXPECT_TRUE(at::equal(fresh->forward(images), expected));
}

TEST(Packed, PrunedAndQuantizedConvnetComputesTheSameBits) {
  torch::manual_seed(1);
  const at::Tensor images = at::randn({16, 1, 8, 8});
  expect_same_outputs(compressed_student(images), student, digits, images);
}

TEST(Packed, EveryKindOfQuantizerComputesTheSameBits) {
  torch::manual_seed(2);
  const at::Tensor images = at::randn({4, 1, 8, 8});
  const models::ModelOptions options = models::ConvnetOptions{8};
  for (const int bits : {2, 8}) {
    for (const bool symmetric : {true, false}) {
      for (const auto scale : {quant::ScaleSource::observed, quant::ScaleSource::learned}) {
        for (const auto granularity : {quant::Granularity::tensor, quant::Granularity::channel}) {
          quant::QuantizerOptions quantizer;
          quantizer.format = IntegerFormat{bits};
          quantizer.symmetric = symmetric;
          quantizer.scale = scale;
          quantizer.granularity = granularity;
          SCOPED_TRACE(concat("int", bits, symmetric ? " symmetric" : " asymmetric", ", granularity ",
                              static_cast<int>(granularity), ", scale source ", static_cast<int>(scale)));
          const NetworkPtr network = models::make_network(options, digits);
          test::quantize(*network, quantizer, quantizer);
          test::observe(*network, images);
          expect_same_outputs(network, options, digits, images);
        }
      }
    }
  }
}

// Training moves learned zero points off the integers and beyond the grid; the forward rounds and clamps them.
TEST(Packed, LearnedZeroPointsBetweenIntegersAndBeyondTheGrid) {
  torch::manual_seed(3);
  const at::Tensor images = at::randn({4, 1, 8, 8});
  const models::ModelOptions options = models::ConvnetOptions{8};
  quant::QuantizerOptions quantizer;
  quantizer.symmetric = false;
  quantizer.scale = quant::ScaleSource::learned;
  const NetworkPtr network = models::make_network(options, digits);
  test::quantize(*network, quantizer, quantizer);
  test::observe(*network, images);
  const at::NoGradGuard no_grad;
  const auto layers = nn::compressible_layers(*network);
  layers[0].layer->weight_quantizer->state().zero_point.fill_(2.5);
  layers[1].layer->weight_quantizer->state().zero_point.fill_(-300.25);
  layers[2].layer->input_quantizer->state().zero_point.fill_(-7.4);
  layers[3].layer->input_quantizer->state().zero_point.fill_(200);
  expect_same_outputs(network, options, digits, images);
}

TEST(Packed, GroupsOfAnMlpComputeTheSameBits) {
  torch::manual_seed(4);
  const at::Tensor images = at::randn({4, 1, 8, 8});
  const models::ModelOptions options = models::MlpOptions{{32, 16}};
  quant::QuantizerOptions weight;
  weight.format = IntegerFormat{4};
  weight.granularity = quant::Granularity::group;
  weight.group_size = 8;
  const NetworkPtr network = models::make_network(options, digits);
  test::prune_randomly(*network, 0.5);
  test::quantize(*network, weight, std::nullopt);
  test::observe(*network, images);
  expect_same_outputs(network, options, digits, images);
}

TEST(Packed, ResnetConvolutionsWithoutBiasFoldTheirBatchNorm) {
  torch::manual_seed(5);
  const at::Tensor images = at::randn({2, 3, 16, 16});
  const models::ModelOptions options = models::ResnetOptions{20};
  const models::InputShape shape{3, 16, 16, 10};
  const NetworkPtr network = models::make_network(options, shape);
  test::prune_randomly(*network, 0.1);
  test::quantize(*network, quant::default_weight_options(), quant::default_activation_options());
  test::observe(*network, images);
  expect_same_outputs(network, options, shape, images);
}

TEST(Packed, PrunedFloatLayersKeepTheirBatchNorm) {
  torch::manual_seed(6);
  const at::Tensor images = at::randn({4, 1, 8, 8});
  const NetworkPtr network = models::make_network(student, digits);
  test::prune_randomly(*network, 0.1);
  test::observe(*network, images);
  expect_same_outputs(network, student, digits, images);
  const TempFolder folder;
  save_packed(folder / "x", *network);
  EXPECT_THAT(names_of(load_safetensors(folder / "x").tensors), testing::Contains("block1.bn.running_mean"));
}

TEST(Packed, LayersThatAreNotCompressedStayAsTheyAre) {
  torch::manual_seed(7);
  const at::Tensor images = at::randn({4, 1, 8, 8});
  const NetworkPtr network = models::make_network(student, digits);
  const auto layers = nn::compressible_layers(*network);
  layers[1].layer->add_weight_quantizer(quant::default_weight_options());
  layers[1].layer->weight_quantizer->enabled = true;
  layers[3].layer->add_input_quantizer(quant::default_activation_options());
  layers[3].layer->input_quantizer->enabled = true;
  test::observe(*network, images);
  expect_same_outputs(network, student, digits, images);
  const TempFolder folder;
  save_packed(folder / "x", *network);
  const auto names = names_of(load_safetensors(folder / "x").tensors);
  EXPECT_THAT(names, testing::IsSupersetOf({"block2.conv.packed", "head.packed", "block1.conv.weight",
                                            "block1.bn.num_batches_tracked", "block3.bn.weight"}));
  EXPECT_THAT(names, Not(testing::Contains(HasSubstr("block2.bn"))));
}

/// tokens [N, T] in, scores [N, 4] out.
class Classifier : public models::Network {
 public:
  Classifier()
      : embedding(register_module("embedding", nn::Embedding(50, 8))),
        head(register_module("head", nn::Linear(8, 4))) {}
  at::Tensor forward(const at::Tensor& tokens) override { return head->forward(embedding->forward(tokens).mean(1)); }
  nn::Embedding embedding;
  nn::Linear head;
};

TEST(Packed, EmbeddingsComputeTheSameBits) {
  torch::manual_seed(8);
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = at::randint(50, {3, 7});
  const auto network = std::make_shared<Classifier>();
  test::quantize(*network, quant::default_weight_options(), quant::default_activation_options());
  network->train();
  network->forward(tokens);
  network->eval();
  const TempFolder folder;
  save_packed(folder / "x", *network);
  const auto fresh = std::make_shared<Classifier>();
  fresh->eval();
  load_packed(folder / "x", *fresh);
  EXPECT_TRUE(at::equal(fresh->forward(tokens), network->forward(tokens)));
}

TEST(Packed, ALayerCanBeTheWholeNetwork) {
  torch::manual_seed(13);
  nn::Linear layer(8, 3), fresh(8, 3);
  layer->add_weight_quantizer(quant::default_weight_options());
  layer->weight_quantizer->enabled = true;
  const at::Tensor x = at::randn({2, 8});
  layer->forward(x);
  layer->eval();
  const TempFolder folder;
  save_packed(folder / "x", *layer);
  EXPECT_THAT(names_of(load_safetensors(folder / "x").tensors), testing::ElementsAre("packed"));
  load_packed(folder / "x", *fresh);
  EXPECT_TRUE(at::equal(fresh->forward(x), layer->forward(x)));
}

TEST(Packed, DigitsStudentTakesAtMost2700Bytes) {
  torch::manual_seed(9);
  const TempFolder folder;
  const NetworkPtr network = compressed_student(at::randn({16, 1, 8, 8}));
  save_packed(folder / "x", *network, {{"model", R"({"type":"convnet","width":24})"}, {"input", "1,8,8,10"}});
  EXPECT_LE(std::filesystem::file_size(folder / "x"), 2700u);
  const SafetensorsFile file = load_safetensors(folder / "x");
  EXPECT_TRUE(is_packed(file));
  EXPECT_EQ(file.metadata.at("input"), "1,8,8,10");
  EXPECT_THAT(names_of(file.tensors),
              UnorderedElementsAre("block1.conv.packed", "block2.conv.packed", "block3.conv.packed", "head.packed"));
}

TEST(Packed, DecodedTensorsAreThoseOfTheDeployedNetwork) {
  torch::manual_seed(10);
  const TempFolder folder;
  const NetworkPtr network = compressed_student(at::randn({16, 1, 8, 8}));
  save_packed(folder / "x", *network);
  const NamedTensors tensors = decode_packed(load_safetensors(folder / "x"));
  EXPECT_EQ(tensors.size(), 16u);
  const NetworkPtr fresh = models::make_network(student, digits);
  load_packed(folder / "x", *fresh);
  std::map<std::string, at::Tensor> loaded;
  for (const auto& [name, tensor] : models::state_dict(*fresh)) {
    loaded[name] = tensor;
  }
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(loaded.contains(name)) << name;
    EXPECT_TRUE(at::equal(loaded[name], tensor)) << name;
  }
}

TEST(Packed, LoadedNetworkHasNoFoldedBatchNorms) {
  torch::manual_seed(14);
  const TempFolder folder;
  const NetworkPtr network = compressed_student(at::randn({16, 1, 8, 8}));
  save_packed(folder / "x", *network);
  const NetworkPtr loaded = models::make_network(student, digits);
  load_packed(folder / "x", *loaded);
  EXPECT_THAT(names_of(models::state_dict(*loaded)), Not(testing::Contains(HasSubstr(".bn."))));
  EXPECT_EQ(count_parameters(*loaded).parameters, count_parameters(*network).parameters);
  EXPECT_EQ(count_parameters(*loaded).nonzero, count_parameters(*network).nonzero);
  // What it saves cannot be taken for a network that still has them.
  save_packed(folder / "again", *loaded);
  const NetworkPtr fresh = models::make_network(student, digits);
  EXPECT_THAT(error_of<Error>([&] { load_packed(folder / "again", *fresh); }), HasSubstr("misses 'block1.bn.weight'"));
}

TEST(Packed, QuantizersThatAreNotEnabledAreNotApplied) {
  torch::manual_seed(11);
  const at::Tensor images = at::randn({4, 1, 8, 8});
  const NetworkPtr network = models::make_network(models::MlpOptions{{8}}, digits);
  test::quantize(*network, quant::default_weight_options(), quant::default_activation_options());
  for (const nn::NamedLayer& layer : nn::compressible_layers(*network)) {
    layer.layer->weight_quantizer->enabled = false;
    layer.layer->input_quantizer->enabled = false;
  }
  expect_same_outputs(network, models::MlpOptions{{8}}, digits, images);
}

TEST(Packed, SavingSaysWhatIsWrong) {
  const TempFolder folder;
  const NetworkPtr plain = models::make_network(student, digits);
  EXPECT_THAT(error_of<Error>([&] { save_packed(folder / "x", *plain); }), HasSubstr("no layer of the network"));
  const NetworkPtr network = compressed_student(at::randn({2, 1, 8, 8}));
  EXPECT_THAT(error_of<UsageError>([&] {
                save_packed(folder / "x", *network, {{"format", "pt"}});
              }),
              HasSubstr("cannot hold the key 'format'"));
  const at::NoGradGuard no_grad;
  const auto head = nn::compressible_layers(*network)[3];
  head.layer->weight_quantizer->state().scale[2].zero_();
  EXPECT_THAT(error_of<Error>([&] { save_packed(folder / "x", *network); }),
              AllOf(HasSubstr("layer 'head'"), HasSubstr("weight grid is not a positive number")));
  head.layer->weight_parameter().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(error_of<Error>([&] { save_packed(folder / "x", *network); }),
              AllOf(HasSubstr("layer 'head'"), HasSubstr("NaN or Inf")));
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

class PackedDamage : public testing::Test {
 protected:
  PackedDamage() {
    torch::manual_seed(12);
    save_packed(path, *compressed_student(at::randn({2, 1, 8, 8})));
    file = load_safetensors(path);
  }

  /// What loading the file, as it is changed, says; the network stays as it was.
  std::string error(const models::ModelOptions& options = student) {
    save_safetensors(path, file.tensors, file.metadata);
    const NetworkPtr network = models::make_network(options, digits);
    const at::Tensor before = network->parameters().front().detach().clone();
    const std::string text = error_of<Error>([&] { load_packed(path, *network); });
    EXPECT_TRUE(at::equal(network->parameters().front(), before));
    EXPECT_THAT(text, AllOf(StartsWith(path.string() + ": "), Not(HasSubstr("\n"))));
    return text;
  }
  at::Tensor& tensor(const std::string& name) {
    for (auto& [own, tensor] : file.tensors) {
      if (own == name) {
        return tensor;
      }
    }
    file.tensors.emplace_back(name, at::Tensor());
    return file.tensors.back().second;
  }

  TempFolder folder;
  std::filesystem::path path = folder / "model.safetensors";
  SafetensorsFile file;
};

TEST_F(PackedDamage, OtherFormat) {
  file.metadata["format"] = "pt";
  EXPECT_THAT(error(), HasSubstr("is not a packed file"));
}

TEST_F(PackedDamage, CutStream) {
  tensor("head.packed") = tensor("head.packed").slice(0, 0, 100);
  EXPECT_THAT(error(), HasSubstr("layer 'head': cut off in"));
}

TEST_F(PackedDamage, UnknownVersion) {
  tensor("block2.conv.packed")[0] = 9;
  EXPECT_THAT(error(), HasSubstr("layer 'block2.conv': stream version 9 is unknown"));
}

TEST_F(PackedDamage, OtherSizes) {
  EXPECT_THAT(error(models::ConvnetOptions{16}),
              AllOf(HasSubstr("layer 'block1.conv': its weight has shape [12, 1, 3, 3]"), HasSubstr("[8, 1, 3, 3]")));
}

TEST_F(PackedDamage, UnknownLayer) {
  tensor("haed.packed") = tensor("head.packed");
  EXPECT_THAT(error(), AllOf(HasSubstr("holds layer 'haed'"), HasSubstr("did you mean 'head'?")));
}

TEST_F(PackedDamage, MissingLayer) {
  std::erase_if(file.tensors, [](const auto& item) { return item.first == "head.packed"; });
  EXPECT_THAT(error(), HasSubstr("misses 'head.weight', 'head.bias'"));
}

TEST_F(PackedDamage, PlainTensorBesideItsStream) {
  tensor("block1.bn.weight") = at::ones({12});
  EXPECT_THAT(error(), HasSubstr("holds 'block1.bn.weight' beside the packed layer"));
}

TEST_F(PackedDamage, UnknownTensor) {
  tensor("block1.scale") = at::ones({12});
  EXPECT_THAT(error(), HasSubstr("holds 'block1.scale', which the model does not have"));
}

TEST_F(PackedDamage, StreamOfAnotherKindOfLayer) {
  // A Linear's stream with the shape of the head, but with a batch norm folded in.
  PackedLayer layer = decode_layer(tensor("head.packed"));
  layer.batch_norm_folded = true;
  tensor("head.packed") = encode_layer(layer);
  EXPECT_THAT(error(), HasSubstr("layer 'head': a batch norm is folded into it, the network's layer has none"));
  layer.batch_norm_folded = false;
  layer.bias.reset();
  tensor("head.packed") = encode_layer(layer);
  EXPECT_THAT(error(), HasSubstr("layer 'head': it holds no bias, the network's layer has one"));
}

TEST_F(PackedDamage, InputScaleOfAnotherShape) {
  PackedLayer layer = decode_layer(tensor("head.packed"));
  layer.input_grid->scale = at::ones({1, 7});
  layer.input_grid->zero_point = at::zeros({1, 7}, at::kInt);
  tensor("head.packed") = encode_layer(layer);
  EXPECT_THAT(error(), HasSubstr("layer 'head': the scale of its input grid has shape [1, 7]"));
}

TEST_F(PackedDamage, NetworkThatIsCompressedAlready) {
  const NetworkPtr network = models::make_network(student, digits);
  test::prune_randomly(*network, 0.5);
  EXPECT_THAT(error_of<Error>([&] { load_packed(path, *network); }), HasSubstr("load into a fresh network"));
}

TEST_F(PackedDamage, DecodingNamesTheFileAndTheLayer) {
  tensor("head.packed") = tensor("head.packed").slice(0, 0, 100);
  EXPECT_THAT(error_of<Error>([&] { decode_packed(file, "a.safetensors"); }),
              StartsWith("a.safetensors: layer 'head': cut off in"));
}

}  // namespace
}  // namespace compress
