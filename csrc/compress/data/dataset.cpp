#include "compress/data/dataset.h"

#include "compress/core/error.h"
#include "compress/data/readers.h"

namespace compress::data {

DatasetPair load_dataset(const DataOptions& options) {
  switch (options.type) {
    case DatasetType::mnist:
      return load_mnist(options.path);
    case DatasetType::cifar10:
      return load_cifar10(options.path);
    case DatasetType::digits:
      break;
  }
  return load_digits(options.path);
}

at::Tensor normalize(const at::Tensor& images, const Normalization& normalization) {
  TORCH_CHECK(images.dim() == 4 && images.scalar_type() == at::kByte && images.device().is_cpu(),
              "normalize: images must be uint8 [N, C, H, W] on the CPU (got ", images.scalar_type(), " ",
              images.sizes(), " on ", images.device(), ")");
  const auto channels = static_cast<size_t>(images.size(1));
  TORCH_CHECK(normalization.mean.size() == channels && normalization.stddev.size() == channels,
              "normalize: ", normalization.mean.size(), " means and ", normalization.stddev.size(), " stddevs for ",
              channels, " channels");
  const at::Tensor source = images.contiguous();
  at::Tensor result = at::empty(images.sizes(), at::kFloat);
  const int64_t area = images.size(2) * images.size(3);
  const uint8_t* pixel = source.const_data_ptr<uint8_t>();
  float* out = result.mutable_data_ptr<float>();
  // A plain loop, not ATen's operators: called from the loader's thread, those would start a second team of threads.
  for (int64_t image = 0; image < images.size(0); ++image) {
    for (size_t channel = 0; channel < channels; ++channel) {
      const double stddev = normalization.stddev[channel];
      const auto scale = static_cast<float>(1 / (normalization.white * stddev));
      const auto offset = static_cast<float>(-normalization.mean[channel] / stddev);
      for (int64_t i = 0; i < area; ++i) {
        out[i] = static_cast<float>(pixel[i]) * scale + offset;
      }
      pixel += area;
      out += area;
    }
  }
  return result;
}

}  // namespace compress::data
