#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "compress/ops/fake_quantize.h"
#include "compress/ops/fake_quantize_clip_mask.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

// Several tiles and threads, and an end within a vector and a byte.
at::Tensor sample(at::ScalarType type) {
  at::manual_seed(0);
  return (at::randn({67, 1237}) * 0.7).to(type);
}

TEST(FakeQuantizeClipMask, SameBitsOnEveryInstructionSetAndThreadCount) {
  const int threads = at::get_num_threads();
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    const at::Tensor x = sample(type);
    const at::Tensor mask = pack_mask(at::rand(x.sizes()) > 0.3);
    for (const at::Tensor& scale : {at::full({}, 0.07f), at::rand({67, 1}) * 0.1 + 0.05, at::rand({1, 1237}) + 0.05}) {
      const at::Tensor wanted = fake_quantize(x, scale, std::nullopt, -8, 7, mask);
      const auto [dx, dscale, dzero] =
          fake_quantize_backward(at::ones_like(x), x, scale, std::nullopt, -8, 7, mask, 1.0, {true, false, false});
      for_each_isa([&] {
        for (const int count : {1, threads}) {
          at::set_num_threads(count);
          const auto [y, clip_mask] = fake_quantize_clip_mask(x, scale, std::nullopt, -8, 7, mask);
          EXPECT_TRUE(at::equal(y, wanted)) << type;
          EXPECT_TRUE(at::equal(clip_mask, pack_mask(dx.to(at::kBool)))) << type;
        }
      });
    }
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace compress
