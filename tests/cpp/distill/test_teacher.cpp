#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/distill/teacher.h"
#include "core/temp_folder.h"
#include "distill/tappable_layers.h"

namespace compress::distill {
namespace {

Teacher make_teacher(const std::shared_ptr<SmallNetwork>& network, const std::vector<std::string>& taps = {}) {
  return {[network](const at::Tensor& input) { return network->forward(input); }, network, taps};
}

TEST(Teacher, GivesLogitsAndFeaturesInTheOrderAskedFor) {
  const auto network = std::make_shared<SmallNetwork>();
  const Teacher teacher = make_teacher(network, {"head", "stem", "body.first", "stem"});
  const at::Tensor input = torch::randn({7, 6});
  const TeacherOutput output = teacher(input);
  ASSERT_EQ(output.features.size(), 4u);
  EXPECT_TRUE(output.features[0].is_same(output.logits));
  EXPECT_TRUE(torch::equal(output.features[1], network->stem->forward(input)));
  EXPECT_EQ(output.features[2].sizes(), at::IntArrayRef({7, 4}));
  EXPECT_TRUE(output.features[3].is_same(output.features[1]));
}

TEST(Teacher, IsFrozen) {
  const auto network = std::make_shared<SmallNetwork>();
  const Teacher teacher = make_teacher(network, {"stem"});
  for (const at::Tensor& parameter : network->parameters()) {
    EXPECT_FALSE(parameter.requires_grad());
  }
  const TeacherOutput output = teacher(torch::randn({2, 6}).requires_grad_());
  EXPECT_FALSE(output.logits.requires_grad());
  EXPECT_FALSE(output.features[0].requires_grad());
  // Saved for a student's backward, which inference tensors could not be.
  at::Tensor student = torch::randn({2, 3}).requires_grad_();
  (student * output.logits).sum().backward();
  EXPECT_TRUE(torch::equal(student.grad(), output.logits));
}

TEST(Teacher, LeavesGradientModeAsItWas) {
  const Teacher teacher = make_teacher(std::make_shared<SmallNetwork>());
  teacher(torch::randn({2, 6}));
  EXPECT_TRUE(torch::GradMode::is_enabled());
}

TEST(Teacher, StaysInEvaluationModeUnderATrainingParent) {
  const auto network = std::make_shared<SmallNetwork>();
  const Teacher teacher = make_teacher(network);
  torch::nn::Module parent;
  parent.register_module("teacher", network);
  const at::Tensor input = torch::randn({16, 6});
  const at::Tensor expected = teacher(input).logits;
  parent.train();
  ASSERT_TRUE(network->dropout->is_training());
  EXPECT_TRUE(torch::equal(teacher(input).logits, expected));
  EXPECT_FALSE(network->dropout->is_training());
  network->dropout->train();  // only a part of it
  EXPECT_TRUE(torch::equal(teacher(input).logits, expected));
}

TEST(Teacher, KeepsNoFeaturesAfterAStep) {
  const auto network = std::make_shared<SmallNetwork>();
  const Teacher teacher = make_teacher(network, {"stem"});
  teacher(torch::randn({2, 6}));
  EXPECT_FALSE(network->stem->tap()->has_output());
}

TEST(Teacher, RefusesUnknownLayers) {
  const auto network = std::make_shared<SmallNetwork>();
  EXPECT_THAT(test::error_of<UsageError>([&] { make_teacher(network, {"stemm"}); }), testing::HasSubstr("'stem'"));
}

TEST(Teacher, NamesATappedLayerThatTheForwardDoesNotReach) {
  const auto network = std::make_shared<SmallNetwork>();
  const Teacher teacher([network](const at::Tensor& input) { return network->stem->forward(input); }, network,
                        {"head"});
  EXPECT_THAT(test::error_of<Error>([&] { teacher(torch::randn({2, 6})); }), testing::HasSubstr("'head'"));
}

}  // namespace
}  // namespace compress::distill
