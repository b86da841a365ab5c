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

constexpr size_t area = 32 * 32;

/// One image whose channels hold `pixel`, `pixel` + 1 and `pixel` + 2.
std::string record(char label, char pixel) {
  std::string bytes(1, label);
  for (int channel = 0; channel < 3; ++channel) {
    bytes += std::string(area, static_cast<char>(pixel + channel));
  }
  return bytes;
}

void write_cifar10(const TempFolder& folder) {
  for (char batch = 1; batch <= 5; ++batch) {
    folder.write(concat("data_batch_", int{batch}, ".bin"), record(batch, 10 * batch) + record(0, 100));
  }
  folder.write("test_batch.bin", record(9, 7));
}

TEST(Cifar10, FilesAreJoinedInOrder) {
  const TempFolder folder;
  write_cifar10(folder);
  const auto [train, test] = load(DatasetType::cifar10, folder);
  EXPECT_EQ(train.images.sizes(), (std::vector<int64_t>{10, 3, 32, 32}));
  EXPECT_TRUE(at::equal(train.targets, at::tensor({1, 0, 2, 0, 3, 0, 4, 0, 5, 0}, at::kLong)));
  EXPECT_TRUE((train.images[4][2] == 32).all().item<bool>());
  EXPECT_TRUE((train.images[5][0] == 100).all().item<bool>());
  EXPECT_TRUE((test.images[0][1] == 8).all().item<bool>());
  EXPECT_TRUE(at::equal(test.targets, at::tensor({9}, at::kLong)));
  EXPECT_TRUE(test.images.is_contiguous() && train.images.is_contiguous());
  EXPECT_EQ(train.normalization.mean.size(), 3u);
}

TEST(Cifar10, DamageIsNamed) {
  const TempFolder folder;
  const auto error_with = [&](const std::string& bytes) {
    write_cifar10(folder);
    folder.write("data_batch_3.bin", bytes);
    return error_of<Error>([&] { load(DatasetType::cifar10, folder); });
  };
  const std::string file = (folder / "data_batch_3.bin").string();
  EXPECT_THAT(error_with(record(1, 1).substr(1)),
              AllOf(HasSubstr(file), HasSubstr("3072 bytes are not a whole number")));
  EXPECT_THAT(error_with(""), AllOf(HasSubstr(file), HasSubstr("is an empty data set")));
  EXPECT_THAT(error_with(record(1, 1) + record(10, 1)), AllOf(HasSubstr(file), HasSubstr("image 1 has label 10")));
}

TEST(Cifar10, MissingFileSaysHowToGetIt) {
  const TempFolder folder;
  write_cifar10(folder);
  std::filesystem::remove(folder / "test_batch.bin");
  EXPECT_THAT(
      error_of<Error>([&] { load(DatasetType::cifar10, folder); }),
      AllOf(HasSubstr((folder / "test_batch.bin").string() + ": no such file"), HasSubstr("cifar-10-binary.tar.gz")));
}

}  // namespace
}  // namespace compress::data
