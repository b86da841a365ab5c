#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/data/dataset.h"
#include "core/temp_folder.h"
#include "data/load.h"

namespace compress::data {
namespace {

using test::error_of;
using test::load;
using test::TempFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

NamedTensors four_digits() {
  return {{"images", at::arange(4 * 64).remainder(17).to(at::kByte).view({4, 8, 8})},
          {"targets", at::tensor({3, 9, 0, 1}, at::kLong)},
          {"split", at::tensor({0, 1, 0, 0}, at::kByte)}};
}

TEST(Digits, AreSplitAndKeepTheirOrder) {
  const TempFolder folder;
  const NamedTensors file = four_digits();
  save_safetensors(folder / "digits.safetensors", file);
  const auto [train, test] = load(DatasetType::digits, folder);
  const at::Tensor& images = file[0].second;
  EXPECT_TRUE(at::equal(train.images, at::stack({images[0], images[2], images[3]}).unsqueeze(1)));
  EXPECT_TRUE(at::equal(train.targets, at::tensor({3, 0, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(test.images, images.narrow(0, 1, 1).unsqueeze(1)));
  EXPECT_TRUE(at::equal(test.targets, at::tensor({9}, at::kLong)));
  EXPECT_TRUE(train.images.is_contiguous());
  EXPECT_EQ(train.classes, 10);
  // 16 is white.
  EXPECT_NEAR(normalize(at::full({1, 1, 1, 1}, 16, at::kByte), train.normalization).item<float>(), 1, 1e-6);
}

struct Damage {
  std::string name;
  std::string tensor;
  at::Tensor replacement;  // undefined = left out
  std::string message;
};

class DigitsDamage : public testing::TestWithParam<Damage> {};

TEST_P(DigitsDamage, IsOneLineThatNamesTheFile) {
  const TempFolder folder;
  NamedTensors file;
  for (auto& [name, tensor] : four_digits()) {
    const at::Tensor& kept = name == GetParam().tensor ? GetParam().replacement : tensor;
    if (kept.defined()) {
      file.emplace_back(name, kept);
    }
  }
  save_safetensors(folder / "digits.safetensors", file);
  EXPECT_THAT(error_of<Error>([&] { load(DatasetType::digits, folder); }),
              AllOf(HasSubstr("digits.safetensors: "), HasSubstr(GetParam().message), Not(HasSubstr("\n"))));
}

INSTANTIATE_TEST_SUITE_P(
    Files, DigitsDamage,
    testing::Values(
        Damage{"NoImages", "images", {}, "has no tensor 'images'"},
        Damage{"FloatImages", "images", at::zeros({4, 8, 8}), "'images' has dtype Float, expected Byte"},
        Damage{"WrongSide", "images", at::zeros({4, 8, 9}, at::kByte), "shape [4, 8, 9], expected [N, 8, 8]"},
        Damage{"BrightPixel", "images", at::full({4, 8, 8}, 17, at::kByte), "'images' holds 17, allowed are 0 to 16"},
        Damage{"FewTargets", "targets", at::zeros({3}, at::kLong), "4 images, but 'targets' has shape [3]"},
        Damage{"LargeTarget", "targets", at::tensor({0, 1, 10, 2}, at::kLong), "image 2 has label 10"},
        Damage{"NegativeTarget", "targets", at::tensor({0, -1, 1, 2}, at::kLong), "image 1 has label -1"},
        Damage{"ThirdSplit", "split", at::tensor({0, 1, 2, 0}, at::kByte), "'split' holds 2"},
        Damage{"NoTest", "split", at::zeros({4}, at::kByte), "has no test images"},
        Damage{"NoTraining", "split", at::ones({4}, at::kByte), "has no training images"}),
    [](const auto& info) { return info.param.name; });

TEST(Digits, EmptyFileIsAnEmptyDataSet) {
  const TempFolder folder;
  save_safetensors(folder / "digits.safetensors", {{"images", at::empty({0, 8, 8}, at::kByte)},
                                                   {"targets", at::empty({0}, at::kLong)},
                                                   {"split", at::empty({0}, at::kByte)}});
  EXPECT_THAT(error_of<Error>([&] { load(DatasetType::digits, folder); }), HasSubstr("has no training images"));
}

TEST(Digits, MissingFileSaysHowToGetIt) {
  const TempFolder folder;
  EXPECT_EQ(error_of<Error>([&] { load(DatasetType::digits, folder); }),
            concat((folder / "digits.safetensors").string(), ": no such file; run scripts/prepare_digits.py --output ",
                   folder.path().string()));
}

}  // namespace
}  // namespace compress::data
