#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "compress/core/error.h"
#include "compress/export/packed_layer.h"
#include "compress/quant/quantizer_state.h"
#include "core/temp_folder.h"

namespace compress {
namespace {

using test::error_of;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;

at::Tensor bytes_of(const std::vector<int>& bytes) {
  return at::tensor(bytes, at::kInt).to(at::kByte);
}

std::vector<int> bytes_in(const at::Tensor& stream) {
  const at::Tensor ints = stream.to(at::kInt);
  return {ints.const_data_ptr<int>(), ints.const_data_ptr<int>() + ints.numel()};
}

/// Random weights on the grid that the options say, `density` of them kept.
PackedLayer quantized_layer(const quant::QuantizerOptions& options, at::IntArrayRef sizes, double density) {
  const at::Tensor weight = at::randn(sizes) + 0.3;
  quant::QuantizerState state =
      quant::make_state(options, quant::scale_sizes(options, quant::Role::weight, sizes), at::kCPU);
  quant::observe_(state, options, quant::Role::weight, weight);
  PackedLayer layer;
  layer.weight_grid = PackedGrid{options.format, options.symmetric, state.scale, state.zero_point};
  layer.elements = quant::quantize(state, options, weight * (at::rand(sizes) < density));
  return layer;
}

void expect_same_grid(const std::optional<PackedGrid>& read, const std::optional<PackedGrid>& written) {
  ASSERT_EQ(read.has_value(), written.has_value());
  if (!read) {
    return;
  }
  EXPECT_EQ(read->format, written->format);
  EXPECT_EQ(read->symmetric, written->symmetric);
  EXPECT_TRUE(at::equal(read->scale, written->scale));
  ASSERT_EQ(read->zero_point.defined(), written->zero_point.defined());
  if (read->zero_point.defined()) {
    EXPECT_TRUE(at::equal(read->zero_point, written->zero_point));
  }
}

void expect_reads_back(PackedLayer layer) {
  const PackedLayer read = decode_layer(encode_layer(layer));
  EXPECT_EQ(read.elements.scalar_type(), layer.elements.scalar_type());
  EXPECT_TRUE(at::equal(read.elements, layer.elements));
  EXPECT_TRUE(at::equal(weight_of(read), weight_of(layer)));
  expect_same_grid(read.weight_grid, layer.weight_grid);
  expect_same_grid(read.input_grid, layer.input_grid);
  ASSERT_EQ(read.bias.defined(), layer.bias.defined());
  if (read.bias.defined()) {
    EXPECT_TRUE(at::equal(read.bias, layer.bias));
  }
  EXPECT_EQ(read.batch_norm_folded, layer.batch_norm_folded);
  EXPECT_EQ(read.coding, layer.coding);
}

class PackedLayerGrids : public testing::TestWithParam<std::tuple<int, bool, quant::Granularity>> {};

TEST_P(PackedLayerGrids, ReadBackWithAndWithoutEveryPart) {
  torch::manual_seed(1);
  const auto [bits, symmetric, granularity] = GetParam();
  quant::QuantizerOptions options;
  options.format = IntegerFormat{bits};
  options.symmetric = symmetric;
  options.granularity = granularity;
  options.group_size = 4;
  for (const std::vector<int64_t>& sizes : {std::vector<int64_t>{6, 8}, std::vector<int64_t>{3, 4, 3, 3}}) {
    for (const double density : {0.0, 0.1, 0.5, 1.0}) {
      PackedLayer layer = quantized_layer(options, sizes, density);
      expect_reads_back(layer);
      layer.bias = at::randn({sizes[0]});
      expect_reads_back(layer);
      layer.batch_norm_folded = true;
      layer.input_grid = PackedGrid{IntegerFormat{bits}, true, at::rand({1, sizes[1]}) + 0.1, {}};
      expect_reads_back(layer);
      layer.input_grid =
          PackedGrid{IntegerFormat{bits}, false, at::scalar_tensor(0.25), at::scalar_tensor(-1, at::kInt)};
      expect_reads_back(layer);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackedLayerGrids,
                         testing::Combine(testing::Range(2, 9), testing::Bool(),
                                          testing::Values(quant::Granularity::tensor, quant::Granularity::channel,
                                                          quant::Granularity::group)));

TEST(PackedLayer, FloatWeightsKeepEveryBit) {
  PackedLayer layer;
  layer.elements = at::zeros({4, 50});
  layer.elements[0][3] = -0.0f;
  layer.elements[1][7] = std::numeric_limits<float>::denorm_min();
  layer.elements[2][9] = std::numeric_limits<float>::infinity();
  layer.elements[3][0] = 1.5f;
  const at::Tensor stream = encode_layer(layer);
  EXPECT_EQ(layer.coding, Coding::gaps);
  const PackedLayer read = decode_layer(stream);
  EXPECT_EQ(std::memcmp(read.elements.const_data_ptr(), layer.elements.const_data_ptr(), layer.elements.nbytes()), 0);
  expect_reads_back(layer);
}

TEST(PackedLayer, StridedTensorsAreWrittenInRowMajorOrder) {
  PackedLayer layer;
  layer.elements = at::randn({3, 4, 5, 6}).contiguous(at::MemoryFormat::ChannelsLast);
  layer.bias = at::randn({6}).slice(0, 0, 6, 2);
  expect_reads_back(layer);
}

// The example of docs/packed_format.md, byte by byte.
TEST(PackedLayer, DocumentedBytes) {
  PackedLayer layer;
  layer.weight_grid = PackedGrid{IntegerFormat{4}, true, at::tensor({0.5f, 0.25f}).view({2, 1}), {}};
  layer.elements = at::tensor({0, 0, 3, 0, 0, -2, 0, 0}, at::kInt).to(at::kChar).view({2, 4});
  layer.bias = at::tensor({1.0f, -1.0f});
  layer.input_grid = PackedGrid{IntegerFormat{8}, false, at::scalar_tensor(0.125f), at::scalar_tensor(-128, at::kInt)};
  EXPECT_THAT(bytes_in(encode_layer(layer)),
              ElementsAreArray({0x01, 0x0b,                                      // version, flags
                                0x02, 0x02, 0x04,                                // weight [2, 4]
                                0x04, 0x01, 0x02, 0x02, 0x01,                    // int4, symmetric, scale [2, 1]
                                0x00, 0x00, 0x00, 0x3f, 0x00, 0x00, 0x80, 0x3e,  // 0.5, 0.25
                                0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3e, 0x80,  // int8, asymmetric, [], 0.125, -128
                                0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x80, 0xbf,  // bias 1, -1
                                0x01, 0x24, 0xe3}));                             // bitmap, places 2 and 5, 3 and -2
  EXPECT_TRUE(at::equal(weight_of(layer), at::tensor({0.f, 0.f, 1.5f, 0.f, 0.f, -0.5f, 0.f, 0.f}).view({2, 4})));
}

TEST(PackedLayer, DamageIsOneLineThatSaysWhat) {
  const auto error = [](const std::vector<int>& bytes) {
    const std::string text = error_of<Error>([&] { decode_layer(bytes_of(bytes)); });
    EXPECT_THAT(text, Not(HasSubstr("\n")));
    return text;
  };
  const std::vector<int> one{0, 0, 0x80, 0x3f};
  const auto with = [](std::vector<int> bytes, std::initializer_list<std::vector<int>> parts) {
    for (const auto& part : parts) {
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
    return bytes;
  };
  EXPECT_THAT(error({}), HasSubstr("cut off in its version"));
  EXPECT_THAT(error({2}), HasSubstr("stream version 2 is unknown (known: 1)"));
  EXPECT_THAT(error({1}), HasSubstr("cut off in its flags"));
  EXPECT_THAT(error({1, 16}), HasSubstr("unknown flags 16"));
  EXPECT_THAT(error({1, 0}), HasSubstr("cut off in its weight sizes"));
  EXPECT_THAT(error({1, 0, 9}), HasSubstr("rank 9 of its weight sizes (allowed: up to 8)"));
  EXPECT_THAT(error({1, 0, 0}), HasSubstr("a weight without elements"));
  EXPECT_THAT(error({1, 0, 2, 0, 3}), HasSubstr("a weight without elements"));
  EXPECT_THAT(error({1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f}), HasSubstr("too large"));
  EXPECT_THAT(error(with({1, 0, 1, 1, 0}, {one, {7}})), HasSubstr("1 bytes after its last element"));
  EXPECT_THAT(error({1, 2, 1, 0x80, 0x80, 0x40, 0}), HasSubstr("cut off in its bias (1048576 numbers"));
  // Grids: [bits, symmetric, rank, sizes, scales, zero points] before the elements.
  EXPECT_THAT(error({1, 1, 1, 1, 9, 1}), HasSubstr("weight grid of 9 bits (allowed: 2 to 8)"));
  EXPECT_THAT(error({1, 1, 1, 1, 1, 1}), HasSubstr("weight grid of 1 bits"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 2}), HasSubstr("2 for symmetric"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 1, 1, 0}), HasSubstr("weight grid without a scale"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 1, 1, 0xff, 0xff, 0x7f, 0}), HasSubstr("cut off in its weight grid"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 1, 0, 0, 0, 0, 0}), HasSubstr("a scale of its weight grid is not a positive"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 1, 0, 0, 0, 0x80, 0xbf}), HasSubstr("is not a positive"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 1, 0, 0, 0, 0x80, 0x7f}), HasSubstr("is not a positive"));
  EXPECT_THAT(error({1, 1, 1, 1, 8, 1, 0, 0, 0, 0xc0, 0x7f}), HasSubstr("is not a positive"));
  EXPECT_THAT(error(with({1, 1, 1, 1, 4, 0, 0}, {one, {8}})), HasSubstr("not on the grid -8..7"));
  EXPECT_THAT(error(with({1, 1, 1, 3, 8, 1, 1, 2}, {one, one, {0, 1, 2, 3}})), HasSubstr("does not divide its weight"));
  EXPECT_THAT(error(with({1, 1, 1, 3, 8, 1, 2, 1, 1}, {one, {0, 1, 2, 3}})), HasSubstr("does not divide its weight"));
  EXPECT_THAT(error(with({1, 1, 1, 1, 8, 1, 0}, {one, {0, 0x80}})), HasSubstr("element 0 is -128, the grid begins at"));
  EXPECT_THAT(error(with({1, 8, 1, 1, 8, 0, 0}, {one})), HasSubstr("cut off in its input grid"));
  EXPECT_THAT(error_of<Error>([] { decode_layer(at::zeros({3})); }), HasSubstr("is not a row of bytes"));
}

TEST(PackedLayer, RefusesToWriteWhatAReaderRefuses) {
  PackedLayer layer;
  layer.elements = at::zeros({0, 3});
  EXPECT_THAT(error_of<Error>([&] { encode_layer(layer); }), HasSubstr("at least one element"));
  layer.elements = at::zeros({1, 3}, at::kChar);
  layer.weight_grid = PackedGrid{IntegerFormat{8}, true, at::scalar_tensor(0.0f), {}};
  EXPECT_THAT(error_of<Error>([&] { encode_layer(layer); }), HasSubstr("is not a positive number"));
}

/// A stream of every kind, for damaging.
std::vector<at::Tensor> sample_streams() {
  std::vector<at::Tensor> streams;
  for (const double density : {0.0, 0.1, 0.5, 1.0}) {
    for (const bool symmetric : {true, false}) {
      quant::QuantizerOptions options = quant::default_weight_options();
      options.symmetric = symmetric;
      options.format = IntegerFormat{symmetric ? 8 : 5};
      PackedLayer layer = quantized_layer(options, {3, 20}, density);
      layer.bias = at::randn({3});
      layer.input_grid = PackedGrid{IntegerFormat{8}, symmetric, at::rand({1, 20}) + 0.1, {}};
      if (!symmetric) {
        layer.input_grid->zero_point = at::zeros({1, 20}, at::kInt);
      }
      streams.push_back(encode_layer(layer));
    }
    PackedLayer layer;
    layer.elements = at::randn({3, 20}) * (at::rand({3, 20}) < density);
    streams.push_back(encode_layer(layer));
  }
  return streams;
}

// Anything but success or an Error (a crash, std::bad_alloc, an error of torch) fails the test.
void expect_success_or_error(const at::Tensor& stream) {
  try {
    weight_of(decode_layer(stream));
  } catch (const Error&) {
  }
}

TEST(PackedLayer, AnyChangedByteIsReadOrRefused) {
  torch::manual_seed(3);
  for (const at::Tensor& stream : sample_streams()) {
    for (int64_t i = 0; i < stream.numel(); ++i) {
      for (const int pattern : {0x01, 0x02, 0x08, 0x10, 0x80, 0xff}) {
        at::Tensor damaged = stream.clone();
        damaged.mutable_data_ptr<uint8_t>()[i] ^= pattern;
        expect_success_or_error(damaged);
      }
    }
  }
}

TEST(PackedLayer, AnyCutIsRefused) {
  torch::manual_seed(4);
  for (const at::Tensor& stream : sample_streams()) {
    for (int64_t bytes = 0; bytes < stream.numel(); ++bytes) {
      EXPECT_THROW(decode_layer(stream.slice(0, 0, bytes)), Error) << bytes << " of " << stream.numel();
    }
  }
}

}  // namespace
}  // namespace compress
