#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/export/inspect.h"
#include "compress/export/packed.h"
#include "compress/models/weights.h"
#include "core/temp_folder.h"
#include "export/compressed_networks.h"

namespace compress {
namespace {

using test::TempFolder;
using testing::HasSubstr;
using testing::StartsWith;

const models::InputShape digits{1, 8, 8, 10};

std::vector<std::string> names_of(const std::vector<LayerSummary>& layers) {
  std::vector<std::string> names;
  for (const LayerSummary& layer : layers) {
    names.push_back(layer.name);
  }
  return names;
}

TEST(Summarize, PlainNetworkInItsOrder) {
  const auto network = models::make_network(models::ConvnetOptions{8}, digits);
  const auto layers = summarize(*network);
  EXPECT_THAT(names_of(layers), testing::ElementsAre("block1.conv", "block1.bn", "block2.conv", "block2.bn",
                                                     "block3.conv", "block3.bn", "head"));
  EXPECT_EQ(layers[0].type, "Conv2d");
  EXPECT_EQ(layers[1].type, "BatchNorm2d");
  EXPECT_EQ(layers[6].type, "Linear");
  EXPECT_EQ(layers[0].shape, (std::vector<int64_t>{4, 1, 3, 3}));
  EXPECT_EQ(layers[0].parameters, 40);
  EXPECT_EQ(layers[0].bytes, 160);
  EXPECT_EQ(layers[0].weight_bits, 32);
  EXPECT_EQ(layers[1].parameters, 8);
  EXPECT_EQ(layers[1].bytes, 4 * 4 * 4 + 8);  // weight, bias, running statistics, the counter
  EXPECT_EQ(layers[0].sparsity, 0.0);
}

class SummarizeCompressed : public testing::Test {
 protected:
  SummarizeCompressed() {
    torch::manual_seed(1);
    network = models::make_network(models::ConvnetOptions{24}, digits);
    test::prune_randomly(*network, 0.1);
    quant::QuantizerOptions weight = quant::default_weight_options();
    weight.format = IntegerFormat{4};
    test::quantize(*network, weight, quant::default_activation_options());
    test::observe(*network, at::randn({8, 1, 8, 8}));
  }

  std::shared_ptr<models::Network> network;
};

TEST_F(SummarizeCompressed, NetworkAndItsFileAgree) {
  const TempFolder folder;
  save_packed(folder / "x", *network);
  const SafetensorsFile file = load_safetensors(folder / "x");
  const auto of_network = summarize(*network);
  const auto of_file = summarize(file, "x");
  EXPECT_THAT(names_of(of_network), testing::ElementsAre("block1.conv", "block2.conv", "block3.conv", "head"));
  ASSERT_EQ(names_of(of_file), names_of(of_network));
  for (size_t i = 0; i < of_file.size(); ++i) {
    EXPECT_EQ(of_file[i].shape, of_network[i].shape);
    EXPECT_EQ(of_file[i].sparsity, of_network[i].sparsity);
    EXPECT_EQ(of_file[i].weight_bits, 4);
    EXPECT_EQ(of_file[i].input_bits, 8);
    EXPECT_EQ(of_file[i].coding, of_network[i].coding);
    EXPECT_EQ(of_file[i].parameters, of_network[i].parameters);
    EXPECT_EQ(of_file[i].bytes, of_network[i].bytes);
    EXPECT_EQ(of_file[i].bytes, file.tensors[i].second.numel());
  }
  EXPECT_EQ(of_network[2].type, "Conv2d");
  EXPECT_EQ(of_network[2].coding, "gaps");
  EXPECT_NEAR(of_network[2].sparsity, 0.9, 0.03);  // 5,184 random bits, and small weights that round to zero
}

TEST_F(SummarizeCompressed, TableHasAHeadingAlignedRowsAndATotal) {
  const std::string text = summary_table(summarize(*network));
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_THAT(lines[0], StartsWith("layer        type    weight     sparsity  bits  input bits  coding  parameters"));
  EXPECT_THAT(lines[3], StartsWith("block3.conv  Conv2d  24x24x3x3"));
  EXPECT_THAT(lines[5], StartsWith("total"));
  EXPECT_THAT(lines[5], HasSubstr("8,914"));
  for (const std::string& line : lines) {
    EXPECT_EQ(line.size(), lines[0].size()) << line;
  }
}

TEST(Summarize, OrdinaryFileIsGroupedByModule) {
  const TempFolder folder;
  const auto network = models::make_network(models::MlpOptions{{4}}, digits);
  save_safetensors(folder / "x", models::state_dict(*network));
  const auto layers = summarize(load_safetensors(folder / "x"), "x");
  EXPECT_THAT(names_of(layers), testing::ElementsAre("fc1", "head"));
  EXPECT_EQ(layers[0].parameters, 64 * 4 + 4);
  EXPECT_EQ(layers[0].bytes, 4 * (64 * 4 + 4));
  EXPECT_EQ(layers[0].type, "");
}

TEST(Summarize, NothingIsATableWithATotal) {
  EXPECT_THAT(summary_table({}), HasSubstr("total"));
}

TEST(Summarize, DamagedFileIsNamed) {
  SafetensorsFile file;
  file.metadata["format"] = "compress_packed_v1";
  file.tensors.emplace_back("head.packed", at::zeros({3}, at::kByte));
  EXPECT_THAT(test::error_of<Error>([&] { summarize(file, "a.safetensors"); }),
              StartsWith("a.safetensors: layer 'head': stream version 0"));
}

}  // namespace
}  // namespace compress
