#include <gtest/gtest.h>

#include <filesystem>

#include "compress/models/network.h"
#include "compress/recipe/compressor.h"
#include "compress/recipe/network_layers.h"
#include "config/parse.h"

namespace compress::config::test {
namespace {

models::InputShape shape_of(data::DatasetType type) {
  switch (type) {
    case data::DatasetType::mnist:
      return {1, 28, 28, 10};
    case data::DatasetType::cifar10:
      return {3, 32, 32, 10};
    case data::DatasetType::digits:
      break;
  }
  return {1, 8, 8, 10};
}

// A pattern that matches no layer, or a group that divides no row, would show only when a user starts the run.
// Distillation is left out: its teacher is a file that does not exist yet.
TEST(ConfigFit, ShippedRecipesFitTheirNetworks) {
  for (const auto& entry : std::filesystem::directory_iterator(std::string(COMPRESS_SOURCE_DIR) + "/configs")) {
    SCOPED_TRACE(entry.path());
    const train::Experiment experiment = load_experiment(entry.path());
    std::vector<recipe::MethodOptions> recipe = experiment.compression;
    std::erase_if(recipe, [](const auto& method) { return std::holds_alternative<recipe::DistillOptions>(method); });
    const models::InputShape shape = shape_of(experiment.data.type);
    const auto network = models::make_network(experiment.model, shape);
    const auto forward = [&](const at::Tensor& images) { return network->forward(images); };
    const RunLength run{.total_steps = 1000, .steps_per_epoch = 20};
    EXPECT_NO_THROW({
      recipe::Compressor compressor(recipe, recipe::make_attachment(*network, forward, shape, at::kCPU, run));
      EXPECT_EQ(compressor.plan().empty(), recipe.empty());
    });
  }
}

}  // namespace
}  // namespace compress::config::test
