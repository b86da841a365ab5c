#pragma once

#include <cstdint>
#include <string>

#include "compress/core/names.h"

namespace compress::data {

/// digits   scikit-learn's 1,797 scanned digits, 8x8, ten classes, stratified 80/20 (scripts/prepare_digits.py)
/// mnist    the four IDX files of MNIST or Fashion-MNIST, 28x28
/// cifar10  the six files of CIFAR-10's binary version, 3x32x32
enum class DatasetType { digits, mnist, cifar10 };

/// Applied to each training batch anew.
struct AugmentOptions {
  int64_t shift = 0;  ///< largest shift in pixels, each image its own, zeros move in
  bool flip = false;  ///< mirror half of the images left to right
};

struct DataOptions {
  DatasetType type = DatasetType::digits;
  std::string path = "data/digits";  ///< folder with the data set's files
  int64_t batch_size = 64;           ///< images of one micro-batch on one process
  AugmentOptions augment;
};

}  // namespace compress::data

namespace compress {

template <>
inline constexpr auto enum_names<data::DatasetType> = std::to_array<EnumName<data::DatasetType>>({
    {data::DatasetType::digits, "digits", "scikit-learn's 1,797 scanned digits, 8x8, split 80/20"},
    {data::DatasetType::mnist, "mnist", "the IDX files of MNIST or Fashion-MNIST, 28x28"},
    {data::DatasetType::cifar10, "cifar10", "the binary version of CIFAR-10, 3x32x32"},
});

}  // namespace compress
