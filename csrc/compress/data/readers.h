#pragma once

#include <filesystem>
#include <string>

#include "compress/data/dataset.h"

namespace compress::data {

/// One per kind of data set; load_dataset chooses. `folder` holds its files.
DatasetPair load_digits(const std::filesystem::path& folder);
DatasetPair load_mnist(const std::filesystem::path& folder);
DatasetPair load_cifar10(const std::filesystem::path& folder);

/// A whole file as uint8 [bytes]. `fix` is what the user can do where it does not exist.
at::Tensor read_bytes(const std::filesystem::path& file, const std::string& fix);

/// int64 targets of raw labels (any integer dtype), each in [0, classes); the error names the first that is not.
at::Tensor to_targets(const std::filesystem::path& file, const at::Tensor& labels, int64_t classes);

}  // namespace compress::data
