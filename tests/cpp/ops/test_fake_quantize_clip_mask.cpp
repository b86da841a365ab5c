#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "compress/ops/fake_quantize.h"
#include "compress/ops/fake_quantize_clip_mask.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

// Several tiles, threads and pieces.
at::Tensor sample(int64_t columns, at::ScalarType type) {
  at::manual_seed(0);
  return (at::randn({67, columns}) * 0.7).to(type);
}

/// 1237 columns end within a vector and a byte; 1280 let pieces begin at bytes.
std::vector<at::Tensor> scales_for(int64_t columns) {
  std::vector<at::Tensor> scales = {at::full({}, 0.07f), at::rand({67, 1}) * 0.1 + 0.05, at::rand({1, columns}) + 0.05};
  for (const int64_t group : {32, 40, 128}) {
    if (columns % group == 0) {
      scales.push_back(at::rand({67, columns / group}) * 0.1 + 0.05);
    }
  }
  return scales;
}

TEST(FakeQuantizeClipMask, SameBitsOnEveryInstructionSetAndThreadCount) {
  const int threads = at::get_num_threads();
  for (const int64_t columns : {1237, 1280}) {
    for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      const at::Tensor x = sample(columns, type);
      const at::Tensor packed = pack_mask(at::rand(x.sizes()) > 0.3);
      for (const at::Tensor& scale : scales_for(columns)) {
        for (const std::optional<at::Tensor>& mask : {std::optional<at::Tensor>(), std::optional<at::Tensor>(packed)}) {
          const at::Tensor wanted = fake_quantize(x, scale, std::nullopt, -8, 7, mask);
          const auto [dx, dscale, dzero] =
              fake_quantize_backward(at::ones_like(x), x, scale, std::nullopt, -8, 7, mask, 1.0, {true, false, false});
          for_each_isa([&] {
            for (const int count : {1, threads}) {
              at::set_num_threads(count);
              const auto [y, clip_mask] = fake_quantize_clip_mask(x, scale, std::nullopt, -8, 7, mask);
              EXPECT_TRUE(at::equal(y, wanted)) << type << " " << columns << " scale " << scale.sizes();
              EXPECT_TRUE(at::equal(clip_mask, pack_mask(dx.to(at::kBool))))
                  << type << " " << columns << " scale " << scale.sizes();
            }
          });
        }
      }
    }
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace compress
