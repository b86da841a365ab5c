#include <gtest/gtest.h>

#include "compress/core/nearest_name.h"

namespace compress {
namespace {

const std::vector<std::string> keys = {"sparsity", "schedule", "scope", "criterion", "T"};

TEST(NearestName, FindsMisspeltNames) {
  EXPECT_EQ(nearest_name("sparsity", keys), "sparsity");
  EXPECT_EQ(nearest_name("sparcity", keys), "sparsity");
  EXPECT_EQ(nearest_name("shcedule", keys), "schedule");   // two neighbours swapped
  EXPECT_EQ(nearest_name("critrion", keys), "criterion");  // a letter left out
  EXPECT_EQ(nearest_name("scopes", keys), "scope");        // a letter too many
  EXPECT_EQ(nearest_name("SPARSITY", keys), "sparsity");
}

TEST(NearestName, IsEmptyWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("learning_rate", keys), "");
  EXPECT_EQ(nearest_name("x", keys), "");
  EXPECT_EQ(nearest_name("", keys), "");
  EXPECT_EQ(nearest_name("sparsity", {}), "");
}

TEST(NearestName, PutsTheNearestFirstAndKeepsTheOrderOfEquals) {
  const std::vector<std::string> layers = {"block3", "block1", "blocks.1", "block2", "head"};
  EXPECT_EQ(nearest_names("block4", layers, 9), (std::vector<std::string>{"block3", "block1", "block2"}));
  EXPECT_EQ(nearest_names("block4", layers, 2), (std::vector<std::string>{"block3", "block1"}));
  EXPECT_EQ(nearest_names("block1", layers, 1), (std::vector<std::string>{"block1"}));
}

TEST(NearestName, MakesTheEndOfAMessage) {
  EXPECT_EQ(did_you_mean("sparcity", keys), ", did you mean 'sparsity'?");
  EXPECT_EQ(did_you_mean("learning_rate", keys), "");
}

}  // namespace
}  // namespace compress
