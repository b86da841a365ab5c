#include <gtest/gtest.h>

#include "compress/core/error.h"
#include "compress/data/evaluation.h"

namespace compress::data {
namespace {

const Normalization cifar{255, {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}};

at::Tensor reference(const at::Tensor& images, const Normalization& normalization) {
  const at::Tensor mean = at::tensor(normalization.mean, at::kDouble).view({1, -1, 1, 1});
  const at::Tensor stddev = at::tensor(normalization.stddev, at::kDouble).view({1, -1, 1, 1});
  return ((images.to(at::kDouble) / normalization.white - mean) / stddev).to(at::kFloat);
}

TEST(Normalize, IsPixelOverWhiteLessMeanOverStddev) {
  for (const auto& sizes : std::vector<std::vector<int64_t>>{{5, 3, 7, 9}, {1, 3, 1, 1}, {0, 3, 4, 4}}) {
    const at::Tensor images = at::randint(256, sizes, at::kByte);
    // Two float32 roundings of values up to 3.
    EXPECT_TRUE(at::allclose(normalize(images, cifar), reference(images, cifar), 0, 1e-6)) << at::IntArrayRef(sizes);
  }
  const at::Tensor strided = at::randint(256, {4, 6, 5, 3}, at::kByte).permute({0, 3, 1, 2}).slice(2, 0, 6, 2);
  EXPECT_TRUE(at::equal(normalize(strided, cifar), normalize(strided.contiguous(), cifar)));
}

TEST(Normalize, RejectsWhatItCannotRead) {
  EXPECT_THROW(normalize(at::zeros({1, 3, 2, 2}), cifar), c10::Error);
  EXPECT_THROW(normalize(at::zeros({3, 2, 2}, at::kByte), cifar), c10::Error);
  EXPECT_THROW(normalize(at::zeros({1, 1, 2, 2}, at::kByte), cifar), c10::Error);
}

TEST(ForEachBatch, VisitsEverythingOnceInOrder) {
  Dataset dataset{at::arange(10, at::kByte).view({10, 1, 1, 1}), at::arange(10, at::kLong), 10, {1, {0.0}, {1.0}}};
  for (const int64_t batch_size : {1, 3, 5, 10, 64}) {
    std::vector<at::Tensor> inputs, targets;
    for_each_batch(dataset, batch_size, [&](const at::Tensor& input, const at::Tensor& target) {
      EXPECT_LE(input.size(0), batch_size);
      inputs.push_back(input.flatten());
      targets.push_back(target);
    });
    EXPECT_EQ(static_cast<int64_t>(inputs.size()), (10 + batch_size - 1) / batch_size);
    EXPECT_TRUE(at::equal(at::cat(inputs), at::arange(10, at::kFloat)));
    EXPECT_TRUE(at::equal(at::cat(targets), dataset.targets));
  }
  EXPECT_THROW(for_each_batch(dataset, 0, [](const at::Tensor&, const at::Tensor&) {}), c10::Error);
}

}  // namespace
}  // namespace compress::data
