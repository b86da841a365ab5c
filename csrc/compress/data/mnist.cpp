#include <array>

#include "compress/core/error.h"
#include "compress/data/readers.h"

// IDX (http://yann.lecun.com/exdb/mnist): big-endian uint32 magic 0x0000080d with d dimensions of bytes, then d sizes,
// then the bytes.
namespace compress::data {
namespace {

using Path = std::filesystem::path;

constexpr int64_t classes = 10;
constexpr const char* fix =
    "the folder needs MNIST's or Fashion-MNIST's train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, unpacked with gunzip";

/// Some mirrors write a dot before "idx".
Path idx_file(const Path& folder, const std::string& stem, const std::string& suffix) {
  const Path dotted = folder / (stem + "." + suffix);
  std::error_code unreadable;
  return std::filesystem::exists(dotted, unreadable) ? dotted : folder / (stem + "-" + suffix);
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
}

at::Tensor read_idx(const Path& file, int64_t dimensions) {
  const at::Tensor bytes = read_bytes(file, fix);
  const uint8_t* header = bytes.const_data_ptr<uint8_t>();
  const int64_t header_bytes = 4 + 4 * dimensions;
  check(bytes.numel() < 2 || header[0] != 0x1f || header[1] != 0x8b, file.string(),
        ": is still compressed; unpack it with gunzip");
  check(bytes.numel() >= header_bytes, file.string(), ": ", bytes.numel(), " bytes are too few for its header of ",
        header_bytes);
  const uint32_t magic = big_endian(header);
  check(magic == 0x800 + dimensions, file.string(), ": begins with ", magic, ", expected ", 0x800 + dimensions,
        " (IDX bytes with ", dimensions, dimensions == 1 ? " dimension)" : " dimensions)");
  std::vector<int64_t> sizes;
  int64_t expected = 1;
  for (int64_t dimension = 0; dimension < dimensions; ++dimension) {
    sizes.push_back(big_endian(header + 4 + 4 * dimension));
    check(sizes.back() > 0, file.string(), ": is an empty data set (sizes ", at::IntArrayRef(sizes), ")");
    check(!__builtin_mul_overflow(expected, sizes.back(), &expected), file.string(), ": sizes ", at::IntArrayRef(sizes),
          " are too large");
  }
  const int64_t held = bytes.numel() - header_bytes;
  check(held >= expected, file.string(), ": holds ", held, " bytes of the ", expected, " that its sizes ",
        at::IntArrayRef(sizes), " announce; it was cut off");
  check(held == expected, file.string(), ": ", held - expected, " bytes after its last value");
  return bytes.narrow(0, header_bytes, expected).view(sizes);
}

Dataset load_part(const Path& folder, const std::string& stem) {
  const Path image_file = idx_file(folder, stem + "-images", "idx3-ubyte");
  const Path label_file = idx_file(folder, stem + "-labels", "idx1-ubyte");
  const at::Tensor images = read_idx(image_file, 3);
  const at::Tensor labels = read_idx(label_file, 1);
  check(images.size(0) == labels.size(0), label_file.string(), ": ", labels.size(0), " labels for the ", images.size(0),
        " images of ", image_file.filename().string());
  return {images.unsqueeze(1), to_targets(label_file, labels, classes), classes, {255, {0.1307}, {0.3081}}};
}

}  // namespace

DatasetPair load_mnist(const Path& folder) {
  DatasetPair pair{load_part(folder, "train"), load_part(folder, "t10k")};
  check(pair.train.images.sizes().slice(1) == pair.test.images.sizes().slice(1), folder.string(),
        ": training images of ", pair.train.images.sizes().slice(2), " pixels, but test images of ",
        pair.test.images.sizes().slice(2));
  return pair;
}

}  // namespace compress::data
