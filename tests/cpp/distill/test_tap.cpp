#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/distill/tap.h"
#include "core/temp_folder.h"
#include "distill/tappable_layers.h"

namespace compress::distill {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Tap, RecordsTheLatestOutputWithItsGraph) {
  TappableLinear layer(3, 2);
  const auto tap = std::make_shared<Tap>("layer");
  layer.attach_tap(tap);
  layer.forward(torch::zeros({1, 3}));
  const at::Tensor output = layer.forward(torch::ones({4, 3}));
  EXPECT_TRUE(tap->output().is_same(output));
  EXPECT_TRUE(tap->output().requires_grad());
}

TEST(Tap, RaisesAndNamesTheLayerBeforeAForwardAndOnceCleared) {
  TappableLinear layer(3, 2);
  const auto tap = std::make_shared<Tap>("block3.conv");
  layer.attach_tap(tap);
  EXPECT_FALSE(tap->has_output());
  EXPECT_THROW(tap->output(), Error);
  layer.forward(torch::ones({1, 3}));
  EXPECT_TRUE(tap->has_output());
  tap->clear();
  EXPECT_THAT(error_of<Error>([&] { tap->output(); }), HasSubstr("block3.conv"));
}

TEST(Tap, ClearingFreesTheOutput) {
  TappableLinear layer(3, 2);
  const auto tap = std::make_shared<Tap>("layer");
  layer.attach_tap(tap);
  at::Tensor output = layer.forward(torch::ones({1, 3}));
  EXPECT_EQ(output.use_count(), 2u);
  tap->clear();
  EXPECT_EQ(output.use_count(), 1u);
}

TEST(Tap, RecordsNothingWhileDisabledOrDetached) {
  TappableLinear layer(3, 2);
  const auto tap = std::make_shared<Tap>("layer");
  layer.attach_tap(tap);
  tap->set_enabled(false);
  layer.forward(torch::ones({1, 3}));
  EXPECT_FALSE(tap->has_output());
  tap->set_enabled(true);
  layer.detach_tap();
  layer.forward(torch::ones({1, 3}));
  EXPECT_FALSE(tap->has_output());
}

TEST(Tap, DoesNotChangeTheOutput) {
  TappableLinear layer(3, 2);
  const at::Tensor input = torch::ones({4, 3});
  const at::Tensor before = layer.forward(input);
  layer.attach_tap(std::make_shared<Tap>("layer"));
  EXPECT_TRUE(torch::equal(layer.forward(input), before));
}

TEST(Tap, ALayerHoldsOneTap) {
  TappableLinear layer(3, 2);
  const auto tap = std::make_shared<Tap>("block1");
  layer.attach_tap(tap);
  layer.attach_tap(tap);
  EXPECT_EQ(layer.tap(), tap);
  EXPECT_THAT(error_of<UsageError>([&] { layer.attach_tap(std::make_shared<Tap>("block1")); }), HasSubstr("'block1'"));
  layer.detach_tap();
  layer.attach_tap(std::make_shared<Tap>("block1"));
}

TEST(FindTappable, FindsLayersByDottedName) {
  SmallNetwork network;
  EXPECT_EQ(&find_tappable(network, "stem"), network.stem.get());
  EXPECT_EQ(&find_tappable(network, "body.first"), network.first.get());
  TappableLinear layer(1, 1);
  EXPECT_EQ(&find_tappable(layer, ""), &layer);
}

TEST(FindTappable, NamesTheNearestLayers) {
  SmallNetwork network;
  EXPECT_THAT(error_of<UsageError>([&] { find_tappable(network, "body.frist"); }),
              AllOf(HasSubstr("'body.frist'"), HasSubstr("nearest names: 'body.first'"), Not(HasSubstr("'head'"))));
  EXPECT_THAT(error_of<UsageError>([&] { find_tappable(network, "completely_wrong"); }),
              AllOf(HasSubstr("'stem'"), HasSubstr("'body.first'"), HasSubstr("'head'")));
}

TEST(FindTappable, RefusesLayersThatCannotBeTapped) {
  SmallNetwork network;
  EXPECT_THAT(error_of<UsageError>([&] { find_tappable(network, "dropout"); }),
              AllOf(HasSubstr("cannot be tapped"), HasSubstr("'dropout'")));
  torch::nn::Sequential plain(torch::nn::Linear(1, 1));
  EXPECT_THAT(error_of<UsageError>([&] { find_tappable(*plain, "0"); }), HasSubstr("no layer that can be tapped"));
}

}  // namespace
}  // namespace compress::distill
