#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/error.h"
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

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string idx(uint32_t magic, const std::vector<uint32_t>& sizes, const std::string& data) {
  std::string file = big_endian(magic);
  for (const uint32_t size : sizes) {
    file += big_endian(size);
  }
  return file + data;
}

/// Two training images and one test image of 2 x 3 pixels.
void write_mnist(const TempFolder& folder) {
  folder.write("train-images-idx3-ubyte", idx(2051, {2, 2, 3}, "\1\2\3\4\5\6\7\xff\t\n\v\f"));
  folder.write("train-labels-idx1-ubyte", idx(2049, {2}, "\7\t"));
  folder.write("t10k-images-idx3-ubyte", idx(2051, {1, 2, 3}, "abcdef"));
  folder.write("t10k-labels-idx1-ubyte", idx(2049, {1}, "\1"));
}

TEST(Mnist, IdxFilesAreRead) {
  const TempFolder folder;
  write_mnist(folder);
  const auto [train, test] = load(DatasetType::mnist, folder);
  EXPECT_TRUE(
      at::equal(train.images, at::tensor({1, 2, 3, 4, 5, 6, 7, 255, 9, 10, 11, 12}, at::kByte).view({2, 1, 2, 3})));
  EXPECT_TRUE(at::equal(train.targets, at::tensor({7, 9}, at::kLong)));
  EXPECT_TRUE(at::equal(test.images, at::arange('a', 'a' + 6, at::kByte).view({1, 1, 2, 3})));
  EXPECT_EQ(test.classes, 10);
  EXPECT_TRUE(train.images.is_contiguous());
}

TEST(Mnist, NamesWithADotAreRead) {
  const TempFolder folder;
  write_mnist(folder);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::string name = entry.path().filename().string();
    name.replace(name.find("-idx"), 1, ".");
    std::filesystem::rename(entry.path(), folder / name);
  }
  EXPECT_EQ(load(DatasetType::mnist, folder).train.size(), 2);
}

struct Damage {
  std::string name;
  std::string file;
  std::string bytes;
  std::string message;
};

class MnistDamage : public testing::TestWithParam<Damage> {};

TEST_P(MnistDamage, IsOneLineThatNamesTheFile) {
  const TempFolder folder;
  write_mnist(folder);
  folder.write(GetParam().file, GetParam().bytes);
  EXPECT_THAT(error_of<Error>([&] { load(DatasetType::mnist, folder); }),
              AllOf(HasSubstr(GetParam().file), HasSubstr(GetParam().message), Not(HasSubstr("\n"))));
}

constexpr const char* images = "train-images-idx3-ubyte";
constexpr const char* labels = "train-labels-idx1-ubyte";

INSTANTIATE_TEST_SUITE_P(
    Files, MnistDamage,
    testing::Values(
        Damage{"Empty", images, "", "0 bytes are too few for its header of 16"},
        Damage{"CutHeader", images, idx(2051, {2, 2}, ""), "12 bytes are too few"},
        Damage{"LabelsForImages", images, idx(2049, {2}, std::string(16, 'x')), "begins with 2049, expected 2051"},
        Damage{"ImagesForLabels", labels, idx(2051, {2, 2, 3}, std::string(12, 'x')),
               "begins with 2051, expected 2049"},
        Damage{"LittleEndian", labels, idx(0x01080000, {2}, "\1\2"), "expected 2049 (IDX bytes with 1 dimension)"},
        Damage{"Gzip", images, "\x1f\x8b\x08\x08" + std::string(40, 'x'), "unpack it with gunzip"},
        Damage{"CutData", images, idx(2051, {2, 2, 3}, "12345678901"), "holds 11 bytes of the 12"},
        Damage{"TooMuchData", images, idx(2051, {2, 2, 3}, "1234567890123"), "1 bytes after its last value"},
        Damage{"NoImages", images, idx(2051, {0, 2, 3}, ""), "is an empty data set"},
        Damage{"NoPixels", images, idx(2051, {2, 0, 3}, ""), "is an empty data set (sizes [2, 0])"},
        Damage{"HugeSizes", images, idx(2051, {0xffffffff, 0xffffffff, 0xffffffff}, ""), "are too large"},
        Damage{"FewLabels", labels, idx(2049, {1}, "\1"), "1 labels for the 2 images of train-images-idx3-ubyte"},
        Damage{"LargeLabel", labels, idx(2049, {2}, "\1\n"), "image 1 has label 10, allowed are 0 to 9"}),
    [](const auto& info) { return info.param.name; });

TEST(Mnist, TrainingAndTestImagesHaveOneSize) {
  const TempFolder folder;
  write_mnist(folder);
  folder.write("t10k-images-idx3-ubyte", idx(2051, {1, 3, 3}, "abcdefghi"));
  EXPECT_THAT(error_of<Error>([&] { load(DatasetType::mnist, folder); }),
              HasSubstr("training images of [2, 3] pixels, but test images of [3, 3]"));
}

TEST(Mnist, MissingFileSaysHowToGetIt) {
  const TempFolder folder;
  write_mnist(folder);
  std::filesystem::remove(folder / "t10k-labels-idx1-ubyte");
  EXPECT_THAT(error_of<Error>([&] { load(DatasetType::mnist, folder); }),
              AllOf(HasSubstr((folder / "t10k-labels-idx1-ubyte").string() + ": no such file"), HasSubstr("gunzip")));
  std::filesystem::create_directory(folder / "t10k-labels-idx1-ubyte");
  EXPECT_THAT(error_of<Error>([&] { load(DatasetType::mnist, folder); }), HasSubstr("is not a regular file"));
}

}  // namespace
}  // namespace compress::data
