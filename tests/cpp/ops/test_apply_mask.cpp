#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include <limits>

#include "compress/ops/apply_mask.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

at::Tensor selected(const at::Tensor& x, const at::Tensor& kept) {
  return at::where(kept, x, at::zeros({}, x.options()));
}

TEST(ApplyMask, SelectsInEveryDtypeAndLengthOnEveryInstructionSet) {
  for_each_isa([] {
    for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kChar, at::kInt}) {
      for (int64_t length = 1; length <= 70; ++length) {
        at::manual_seed(length);
        const at::Tensor x = (at::randn({3, length}) * 8).to(dtype);
        const at::Tensor kept = at::rand({3, length}) > 0.5;
        at::Tensor in_place = x.clone();
        EXPECT_TRUE(at::equal(apply_mask(x, pack_mask(kept)), selected(x, kept))) << dtype << " " << length;
        EXPECT_TRUE(at::equal(apply_mask_(in_place, pack_mask(kept)), selected(x, kept))) << dtype << " " << length;
      }
    }
  });
}

TEST(ApplyMask, PrunedNanBecomesZero) {
  const at::Tensor x = at::full({9}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(at::equal(apply_mask(x, at::zeros({2}, at::kByte)), at::zeros({9})));
  EXPECT_TRUE(apply_mask(x, at::full({2}, 255, at::kByte)).isnan().all().item<bool>());
}

TEST(ApplyMask, GradientIsMasked) {
  at::manual_seed(0);
  const at::Tensor x = at::randn({5, 7}).requires_grad_();
  const at::Tensor kept = at::rand({5, 7}) > 0.5;
  const at::Tensor grad = at::randn({5, 7});
  const auto grads = torch::autograd::grad({apply_mask(x, pack_mask(kept))}, {x}, {grad});
  EXPECT_TRUE(at::equal(grads[0], selected(grad, kept)));
}

TEST(ApplyMask, InPlaceRefusesALeafUnlessGradientsAreOff) {
  at::Tensor weight = at::ones({9}).requires_grad_();
  const at::Tensor none = at::zeros({2}, at::kByte);
  EXPECT_THROW(apply_mask_(weight, none), c10::Error);
  const auto version = weight._version();
  {
    const torch::NoGradGuard no_grad;
    apply_mask_(weight, none);
  }
  EXPECT_EQ(weight._version(), version + 1);
  EXPECT_TRUE(at::equal(weight.detach(), at::zeros({9})));
}

TEST(ApplyMask, WrongMasksAreRefusedBeforeAnythingIsWritten) {
  at::Tensor x = at::ones({5, 7});
  EXPECT_THROW(apply_mask_(x, at::zeros({5}, at::kByte)), c10::Error);
  EXPECT_THROW(apply_mask_(x, at::zeros({5, 2}, at::kByte)), c10::Error);
  EXPECT_THROW(apply_mask_(x, at::zeros({5, 7}, at::kBool)), c10::Error);
  EXPECT_TRUE(at::equal(x, at::ones({5, 7})));
}

}  // namespace
}  // namespace compress
