#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>

#include "compress/config/reference.h"
#include "config/parse.h"

namespace compress::config::test {
namespace {

TEST(ConfigReference, TheCommittedPageIsTheCodes) {
  const std::string path = std::string(COMPRESS_SOURCE_DIR) + "/docs/config.md";
  const std::string text = config_reference_markdown();
  if (::getenv("COMPRESS_UPDATE") != nullptr) {
    std::ofstream(path) << text;
  }
  std::ostringstream committed;
  committed << std::ifstream(path).rdbuf();
  EXPECT_TRUE(committed.str() == text)
      << "docs/config.md is older than the code; write it anew with\n"
         "  COMPRESS_UPDATE=1 build/release/tests/cpp/compress_tests --gtest_filter='ConfigReference.*'";
}

// The text between ```yaml and ``` of a page.
std::vector<std::string> yaml_blocks(const std::string& page) {
  const std::string begin = "```yaml\n";
  std::vector<std::string> blocks;
  for (size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    blocks.push_back(page.substr(at, page.find("```", at) - at));
  }
  return blocks;
}

TEST(ConfigReference, RecipePageShowsTheDefaults) {
  std::ostringstream page;
  page << std::ifstream(std::string(COMPRESS_SOURCE_DIR) + "/docs/recipe.md").rdbuf();
  const std::vector<std::string> blocks = yaml_blocks(page.str());
  ASSERT_EQ(blocks.size(), 4);
  EXPECT_EQ(parse_recipe(blocks[0], "first").size(), 3);
  const auto shown = [&](size_t block) { return recipe_to_yaml(parse_recipe(blocks[block], "docs/recipe.md")); };
  EXPECT_EQ(shown(1), recipe_to_yaml({recipe::PruneOptions{}}));
  EXPECT_EQ(shown(2), recipe_to_yaml({recipe::QuantizeOptions{}}));
  recipe::DistillOptions distill;
  distill.teacher = recipe::TeacherOptions{models::ConvnetOptions{64}, "runs/teacher", false};
  recipe::FeatureTerm feature;
  feature.taps = {{"block3", "block3"}};
  distill.losses.push_back(feature);
  EXPECT_EQ(shown(3), recipe_to_yaml({distill}));
}

TEST(ConfigReference, EveryBlockHasItsTable) {
  const std::string text = config_reference_markdown();
  for (const char* title : {"Top level",
                            "`data`",
                            "`data.augment`",
                            "`model, type: convnet`",
                            "`model, type: mlp`",
                            "`model, type: resnet`",
                            "`optimizer, type: sgd`",
                            "`optimizer, type: adamw`",
                            "`learning_rate`",
                            "`training`",
                            "`compression[].prune`",
                            "`compression[].prune.schedule`",
                            "`compression[].quantize`",
                            "`compression[].quantize.weight`",
                            "`compression[].quantize.activation`",
                            "`compression[].distill`",
                            "`compression[].distill.teacher`",
                            "`compression[].distill.losses[], type: kl`",
                            "`compression[].distill.losses[], type: feature`",
                            "`report`"}) {
    EXPECT_NE(text.find("\n## " + std::string(title) + "\n"), std::string::npos) << title;
  }
  EXPECT_NE(text.find("| `sparsity` | number | `0.9` | [0, 1) | Share of the weights that end at zero. |"),
            std::string::npos);
  EXPECT_NE(text.find("| `checkpoint` | string | **required** |"), std::string::npos);
}

}  // namespace
}  // namespace compress::config::test
