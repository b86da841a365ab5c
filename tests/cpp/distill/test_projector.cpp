#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/distill/projector.h"
#include "core/temp_folder.h"

namespace compress::distill {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

TEST(Projector, IsMadeOnlyWhereChannelsDiffer) {
  EXPECT_EQ(make_projector({2, 8}, {2, 8}), nullptr);
  EXPECT_EQ(make_projector({2, 5, 8}, {2, 5, 8}), nullptr);
  EXPECT_EQ(make_projector({2, 8, 4, 4}, {2, 8, 2, 2}), nullptr);
  EXPECT_NE(make_projector({2, 8}, {2, 9}), nullptr);
}

TEST(Projector, MapsTheStudentsChannelsToTheTeachers) {
  struct Case {
    std::vector<int64_t> student;
    std::vector<int64_t> teacher;
  };
  for (const Case& shapes : {Case{{2, 3}, {2, 7}}, Case{{2, 5, 3}, {2, 5, 7}}, Case{{2, 3, 4, 6}, {2, 7, 4, 6}}}) {
    const auto projector = make_projector(shapes.student, shapes.teacher);
    ASSERT_NE(projector, nullptr);
    EXPECT_EQ(projector->forward(torch::randn(shapes.student)).sizes(), at::IntArrayRef(shapes.teacher));
    EXPECT_EQ(projector->named_parameters().keys(), (std::vector<std::string>{"projection.weight", "projection.bias"}));
  }
}

TEST(Projector, OfAnImageIsTheSameLinearMapOfEachPixel) {
  const auto projector = make_projector({2, 3, 4, 5}, {2, 7, 4, 5});
  const at::Tensor x = torch::randn({2, 3, 4, 5});
  const auto parameters = projector->named_parameters();
  const at::Tensor expected =
      torch::linear(x.permute({0, 2, 3, 1}), parameters["projection.weight"].flatten(1), parameters["projection.bias"])
          .permute({0, 3, 1, 2});
  EXPECT_TRUE(torch::allclose(projector->forward(x), expected, 1e-5, 1e-6));
}

TEST(Projector, CanDoWithoutBias) {
  for (const std::vector<int64_t>& sizes : {std::vector<int64_t>{2, 3}, {2, 3, 4, 4}}) {
    std::vector<int64_t> wider = sizes;
    wider[1] = 7;
    const auto projector = make_projector(sizes, wider, {.bias = false});
    EXPECT_EQ(projector->named_parameters().keys(), std::vector<std::string>{"projection.weight"});
  }
}

TEST(Projector, ErrorsNameBothShapes) {
  EXPECT_THAT(error_of<UsageError>([] {
                make_projector({2, 3}, {2, 3, 4, 4});
              }),
              AllOf(HasSubstr("[2, 3]"), HasSubstr("[2, 3, 4, 4]")));
  EXPECT_THAT(error_of<UsageError>([] { make_projector({2}, {2}); }), HasSubstr("[N, C]"));
  EXPECT_THAT(error_of<UsageError>([] { make_projector({2, 5, 3}, {2, 6, 3}); }), HasSubstr("equal T"));
}

TEST(Align, PassesFeaturesThatMeetAsTheyAre) {
  const at::Tensor student = torch::randn({2, 3, 4, 4});
  const at::Tensor teacher = torch::randn({2, 3, 4, 4});
  const auto [from, to] = align(student, teacher);
  EXPECT_TRUE(from.is_same(student));
  EXPECT_TRUE(to.is_same(teacher));
}

TEST(Align, PoolsTheLargerImageInEachDimension) {
  const at::Tensor student = torch::randn({2, 3, 8, 2});
  const at::Tensor teacher = torch::randn({2, 3, 4, 6});
  const auto [from, to] = align(student, teacher);
  EXPECT_TRUE(torch::equal(from, torch::adaptive_avg_pool2d(student, {4, 2})));
  EXPECT_TRUE(torch::equal(to, torch::adaptive_avg_pool2d(teacher, {4, 2})));
}

TEST(Align, ProjectsThePooledStudent) {
  const at::Tensor student = torch::randn({2, 3, 8, 8}).requires_grad_();
  const at::Tensor teacher = torch::randn({2, 5, 4, 4});
  const auto projector = make_projector(student.sizes(), teacher.sizes());
  const auto [from, to] = align(student, teacher, projector);
  EXPECT_TRUE(torch::equal(from, projector->forward(torch::adaptive_avg_pool2d(student, {4, 4}))));
  EXPECT_TRUE(to.is_same(teacher));
  from.sum().backward();
  EXPECT_TRUE(student.grad().defined());
  EXPECT_TRUE(projector->parameters()[0].grad().defined());
}

TEST(Align, ErrorsNameBothShapes) {
  EXPECT_THAT(error_of<UsageError>([] {
                align(torch::zeros({2, 3}), torch::zeros({2, 4}));
              }),
              AllOf(HasSubstr("[2, 3]"), HasSubstr("[2, 4]"), HasSubstr("without a projector")));
  const auto projector = make_projector({2, 3}, {2, 4});
  EXPECT_THAT(error_of<UsageError>([&] {
                align(torch::zeros({2, 3}), torch::zeros({2, 5}), projector);
              }),
              HasSubstr("made for other shapes"));
  EXPECT_THAT(error_of<UsageError>([] {
                align(torch::zeros({2, 3}), torch::zeros({3, 3}));
              }),
              HasSubstr("do not meet"));
}

}  // namespace
}  // namespace compress::distill
