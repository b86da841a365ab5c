#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "compress/export/measure.h"
#include "export/compressed_networks.h"

namespace compress {
namespace {

const models::InputShape digits{1, 8, 8, 10};

TEST(CountParameters, OfAPlainNetworkIsTheSumOfItsParameters) {
  const auto network = models::make_network(models::ConvnetOptions{24}, digits);
  const ParameterCount count = count_parameters(*network);
  EXPECT_EQ(count.parameters, 9034);
  // Batch norms start with a bias of zeros: 12 + 24 + 24.
  EXPECT_EQ(count.nonzero, 9034 - 60);
}

TEST(CountParameters, SeesMasksFoldedBatchNormsAndNoQuantizers) {
  torch::manual_seed(1);
  const auto network = models::make_network(models::ConvnetOptions{24}, digits);
  int64_t kept = 0;
  for (const nn::NamedLayer& layer : nn::compressible_layers(*network)) {
    layer.layer->add_weight_mask();
    const at::Tensor keep = at::rand_like(layer.layer->weight_parameter()) < 0.1;
    layer.layer->weight_mask.copy_(pack_mask(keep));
    kept += keep.sum().item<int64_t>();
  }
  EXPECT_EQ(count_parameters(*network).parameters, 9034);
  EXPECT_EQ(count_parameters(*network).nonzero, kept + 70 + 60);  // biases, and batch-norm weights of 1

  quant::QuantizerOptions learned = quant::default_weight_options();
  learned.scale = quant::ScaleSource::learned;
  test::quantize(*network, learned, learned);
  test::observe(*network, at::randn({8, 1, 8, 8}));
  const ParameterCount count = count_parameters(*network);
  EXPECT_EQ(count.parameters, 8844 + 70);
  EXPECT_LE(count.nonzero, kept + 70);
  EXPECT_GT(count.nonzero, 70 + kept / 2);  // small weights may round to zero
}

TEST(MeasureLatency, MedianAndSpreadOfASleep) {
  int calls = 0;
  const auto start = std::chrono::steady_clock::now();
  const Latency latency = measure_latency([&] {
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
  EXPECT_GE(latency.median_ms, 2.0);
  EXPECT_LT(latency.median_ms, 20.0);  // a loaded machine wakes late
  EXPECT_GE(latency.spread_ms, 0.0);
  EXPECT_GE(calls, 6);
  EXPECT_LT(total.count(), 1.0);
}

TEST(MeasureLatency, SlowForwardRunsFewTimes) {
  int calls = 0;
  measure_latency([&] {
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  });
  EXPECT_EQ(calls, 1 + 5);
}

TEST(MeasureLatency, SeveralTakeTurnsAndEachBeginsARound) {
  std::string order;
  const auto sleeper = [&](char name, int milliseconds) {
    return [&order, name, milliseconds] {
      order += name;
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    };
  };
  const auto latencies = measure_latencies({sleeper('a', 100), sleeper('b', 60)});
  ASSERT_EQ(latencies.size(), 2u);
  EXPECT_GE(latencies[0].median_ms, 100);
  EXPECT_GE(latencies[1].median_ms, 60);
  EXPECT_LT(latencies[1].median_ms, latencies[0].median_ms);
  EXPECT_EQ(order,
            "ab"
            "abbaabbaab");  // warm-up, five rounds
}

TEST(CompressedSparsity, CountsPackedLayersAlone) {
  const auto network = models::make_network(models::ConvnetOptions{24}, {1, 8, 8, 10});
  EXPECT_EQ(compressed_sparsity(deploy(*network)), 0.0);
  test::prune_randomly(*network, 0.25);
  EXPECT_NEAR(compressed_sparsity(deploy(*network)), 0.75, 0.02);  // 8,844 random bits: 4 standard deviations
}

}  // namespace
}  // namespace compress
