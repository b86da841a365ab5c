#include "compress/data/readers.h"

#include <fstream>

#include "compress/core/error.h"

namespace compress::data {

at::Tensor read_bytes(const std::filesystem::path& file, const std::string& fix) {
  std::error_code error;
  check(std::filesystem::exists(file, error), file.string(), ": no such file; ", fix);
  check(std::filesystem::is_regular_file(file, error), file.string(), ": is not a regular file");
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  check(stream.good(), file.string(), ": cannot be opened; check its permissions");
  const auto size = static_cast<int64_t>(stream.tellg());
  at::Tensor bytes = at::empty({size}, at::kByte);
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(bytes.mutable_data_ptr<uint8_t>()), size);
  check(stream.gcount() == size, file.string(), ": cannot be read to its end");
  return bytes;
}

at::Tensor to_targets(const std::filesystem::path& file, const at::Tensor& labels, int64_t classes) {
  const at::Tensor targets = labels.to(at::kLong).contiguous();
  const int64_t* target = targets.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < targets.numel(); ++i) {
    check(target[i] >= 0 && target[i] < classes, file.string(), ": image ", i, " has label ", target[i],
          ", allowed are 0 to ", classes - 1);
  }
  return targets;
}

}  // namespace compress::data
