#include "compress/data/augment.h"

#include <ATen/core/PhiloxRNGEngine.h>

#include <algorithm>

namespace compress::data {
namespace {

struct Move {
  int64_t dy = 0;
  int64_t dx = 0;
  bool flip = false;
};

Move draw(const AugmentOptions& options, const AugmentKey& key, int64_t image) {
  // One block of four numbers for each image and epoch.
  at::Philox4_32 random(key.seed, static_cast<uint64_t>(key.first_position + image), static_cast<uint64_t>(key.epoch));
  const auto shift = [&] {
    const auto choices = static_cast<uint64_t>(2 * options.shift + 1);
    return static_cast<int64_t>(choices * random() >> 32) - options.shift;
  };
  const int64_t dy = shift();
  const int64_t dx = shift();
  return {dy, dx, options.flip && random() >> 31 != 0};
}

/// One channel. out(y, x) = in(y - dy, x - dx), with `in` mirrored first where asked; `out` holds zeros.
template <typename T>
void move_plane(const T* in, T* out, int64_t height, int64_t width, const Move& move) {
  const int64_t begin = std::clamp<int64_t>(move.dx, 0, width);
  const int64_t end = std::clamp<int64_t>(width + move.dx, 0, width);
  for (int64_t y = std::max<int64_t>(move.dy, 0); y < std::min(height, height + move.dy); ++y) {
    const T* source = in + (y - move.dy) * width;
    T* target = out + y * width;
    if (move.flip) {
      for (int64_t x = begin; x < end; ++x) {
        target[x] = source[width - 1 - (x - move.dx)];
      }
    } else if (begin < end) {
      std::copy_n(source + begin - move.dx, end - begin, target + begin);
    }
  }
}

template <typename T>
at::Tensor augment_as(const at::Tensor& images, const AugmentOptions& options, const AugmentKey& key) {
  const at::Tensor source = images.contiguous();
  at::Tensor result = at::empty(images.sizes(), images.options());
  const int64_t channels = images.size(1);
  const int64_t height = images.size(2);
  const int64_t width = images.size(3);
  const T* in = source.const_data_ptr<T>();
  T* out = result.mutable_data_ptr<T>();
  std::fill_n(out, result.numel(), T{0});
  for (int64_t image = 0; image < images.size(0); ++image) {
    const Move move = draw(options, key, image);
    for (int64_t channel = 0; channel < channels; ++channel) {
      move_plane(in, out, height, width, move);
      in += height * width;
      out += height * width;
    }
  }
  return result;
}

}  // namespace

at::Tensor augment(const at::Tensor& images, const AugmentOptions& options, const AugmentKey& key) {
  TORCH_CHECK(images.dim() == 4 && images.device().is_cpu(), "augment: images must be [N, C, H, W] on the CPU (got ",
              images.sizes(), " on ", images.device(), ")");
  TORCH_CHECK(images.scalar_type() == at::kByte || images.scalar_type() == at::kFloat,
              "augment: images must be uint8 or float32 (got ", images.scalar_type(), ")");
  TORCH_CHECK(options.shift >= 0, "augment: shift must be 0 or more (got ", options.shift, ")");
  if (options.shift == 0 && !options.flip) {
    return images;
  }
  return images.scalar_type() == at::kByte ? augment_as<uint8_t>(images, options, key)
                                           : augment_as<float>(images, options, key);
}

}  // namespace compress::data
