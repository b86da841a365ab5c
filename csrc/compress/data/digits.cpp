#include <algorithm>

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/data/readers.h"

// The file of scripts/prepare_digits.py: `images` uint8 [N, 8, 8] with values 0 to 16, `targets` int64 [N] with values
// 0 to 9, `split` uint8 [N], 0 = train and 1 = test.
namespace compress::data {
namespace {

constexpr int64_t side = 8;
constexpr int64_t white = 16;
constexpr int64_t classes = 10;

at::Tensor find(const std::filesystem::path& file, const SafetensorsFile& content, const std::string& name,
                at::ScalarType dtype) {
  for (const auto& [known, tensor] : content.tensors) {
    if (known == name) {
      check(tensor.scalar_type() == dtype, file.string(), ": '", name, "' has dtype ", tensor.scalar_type(),
            ", expected ", dtype);
      return tensor;
    }
  }
  fail(file.string(), ": has no tensor '", name, "'; delete it and run scripts/prepare_digits.py again");
}

void check_at_most(const std::filesystem::path& file, const std::string& name, const at::Tensor& values, int64_t most) {
  const int64_t largest = values.numel() == 0 ? 0 : values.max().item<int64_t>();
  check(largest <= most, file.string(), ": '", name, "' holds ", largest, ", allowed are 0 to ", most);
}

}  // namespace

DatasetPair load_digits(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "digits.safetensors";
  std::error_code unreadable;
  check(std::filesystem::exists(file, unreadable), file.string(),
        ": no such file; run scripts/prepare_digits.py --output ", folder.string());
  const SafetensorsFile content = load_safetensors(file);
  const at::Tensor images = find(file, content, "images", at::kByte);
  const at::Tensor labels = find(file, content, "targets", at::kLong);
  const at::Tensor split = find(file, content, "split", at::kByte);
  check(images.dim() == 3 && images.size(1) == side && images.size(2) == side, file.string(), ": 'images' has shape ",
        images.sizes(), ", expected [N, 8, 8]");
  const std::vector<int64_t> expected{images.size(0)};
  check(labels.sizes() == expected && split.sizes() == expected, file.string(), ": ", images.size(0),
        " images, but 'targets' has shape ", labels.sizes(), " and 'split' ", split.sizes());
  check_at_most(file, "images", images, white);
  check_at_most(file, "split", split, 1);
  const at::Tensor targets = to_targets(file, labels, classes);

  const auto part = [&](int64_t which, const char* name) {
    const at::Tensor rows = (split == which).nonzero().flatten();
    check(rows.numel() > 0, file.string(), ": has no ", name, " images");
    return Dataset{images.index_select(0, rows).unsqueeze(1),
                   targets.index_select(0, rows),
                   classes,
                   {static_cast<double>(white), {0.0}, {1.0}}};
  };
  return {part(0, "training"), part(1, "test")};
}

}  // namespace compress::data
