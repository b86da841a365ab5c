#include "compress/core/error.h"
#include "compress/data/readers.h"

// CIFAR-10, binary version (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte and 3 x 32 x 32
// pixel bytes.
namespace compress::data {
namespace {

using Path = std::filesystem::path;

constexpr int64_t classes = 10;
constexpr int64_t channels = 3;
constexpr int64_t side = 32;
constexpr int64_t record_bytes = 1 + channels * side * side;
constexpr const char* fix =
    "unpack cifar-10-binary.tar.gz and give its folder cifar-10-batches-bin (data_batch_1.bin to data_batch_5.bin, "
    "test_batch.bin)";

struct Records {
  at::Tensor images;
  at::Tensor targets;
};

Records read_records(const Path& file) {
  const at::Tensor bytes = read_bytes(file, fix);
  check(bytes.numel() > 0, file.string(), ": is an empty data set");
  check(bytes.numel() % record_bytes == 0, file.string(), ": ", bytes.numel(), " bytes are not a whole number of ",
        record_bytes, "-byte records; it was cut off, or is not CIFAR-10's binary version");
  const at::Tensor records = bytes.view({-1, record_bytes});
  const at::Tensor pixels = records.narrow(1, 1, record_bytes - 1);
  return {pixels.reshape({-1, channels, side, side}), to_targets(file, records.select(1, 0), classes)};
}

Dataset dataset_of(at::Tensor images, at::Tensor targets) {
  return {std::move(images), std::move(targets), classes, {255, {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}}};
}

}  // namespace

DatasetPair load_cifar10(const Path& folder) {
  std::vector<at::Tensor> images, targets;
  for (int batch = 1; batch <= 5; ++batch) {
    const Records records = read_records(folder / concat("data_batch_", batch, ".bin"));
    images.push_back(records.images);
    targets.push_back(records.targets);
  }
  const Records test = read_records(folder / "test_batch.bin");
  return {dataset_of(at::cat(images), at::cat(targets)), dataset_of(test.images, test.targets)};
}

}  // namespace compress::data
