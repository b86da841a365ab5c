#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include <array>
#include <limits>

#include "compress/ops/fake_quantize.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

const std::vector<at::ScalarType> dtypes = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

at::Tensor sample(at::IntArrayRef sizes) {
  at::manual_seed(0);
  return at::randn(sizes) * 3;
}

TEST(FakeQuantize, EqualsAtenPerTensorBitForBit) {
  // 0.125 puts many samples on rounding ties once they are multiples of 1/16.
  for (const auto dtype : dtypes) {
    for (const int64_t zero_point : {0, 1, -7}) {
      const at::Tensor x = ((sample({37, 53}) * 16).round() / 16).to(dtype);
      const at::Tensor expected = at::fake_quantize_per_tensor_affine(x, 0.125, zero_point, -128, 127);
      const at::Tensor got = fake_quantize(x, at::full({}, 0.125f), at::full({}, zero_point, at::kInt), -128, 127);
      EXPECT_TRUE(at::equal(got, expected)) << dtype << " zero_point " << zero_point;
      const at::Tensor inexact = at::full({}, 0.1f);  // no power of two: the product rounds
      const at::Tensor wanted = at::fake_quantize_per_tensor_affine(x, inexact.item<float>(), zero_point, -128, 127);
      EXPECT_TRUE(at::equal(fake_quantize(x, inexact, at::full({}, zero_point, at::kInt), -128, 127), wanted))
          << dtype << " zero_point " << zero_point;
    }
  }
}

TEST(FakeQuantize, EqualsAtenPerChannelOnEveryAxisBitForBit) {
  const at::Tensor x32 = sample({5, 7, 3, 4});
  for (const auto dtype : dtypes) {
    for (int64_t axis = 0; axis < 4; ++axis) {
      const int64_t channels = x32.size(axis);
      const at::Tensor scale = at::rand({channels}) * 0.1 + 0.01;
      const at::Tensor zero_point = at::randint(-3, 4, {channels}, at::kInt);
      std::vector<int64_t> shape(4, 1);
      shape[axis] = channels;
      const at::Tensor x = x32.to(dtype);
      const at::Tensor expected = at::fake_quantize_per_channel_affine(x, scale, zero_point, axis, -8, 7);
      EXPECT_TRUE(at::equal(fake_quantize(x, scale.view(shape), zero_point.view(shape), -8, 7), expected))
          << dtype << " axis " << axis;
    }
  }
}

TEST(FakeQuantize, GroupsEqualPerChannelOfTheReshapedTensor) {
  const at::Tensor x = sample({6, 32});
  const at::Tensor scale = at::rand({6, 4}) * 0.1 + 0.01;
  const at::Tensor expected =
      at::fake_quantize_per_channel_affine(x.view({24, 8}), scale.view({24}), at::zeros({24}, at::kInt), 0, -127, 127);
  EXPECT_TRUE(at::equal(fake_quantize(x, scale, {}, -127, 127), expected.view({6, 32})));
}

TEST(FakeQuantize, ThreadsMayCutARunAnywhere) {
  const at::Tensor x = sample({3, 100003});
  const at::Tensor scale = at::rand({3, 1}) * 0.1 + 0.01;
  const at::Tensor expected =
      at::fake_quantize_per_channel_affine(x, scale.view({3}), at::zeros({3}, at::kInt), 0, -127, 127);
  EXPECT_TRUE(at::equal(fake_quantize(x, scale, {}, -127, 127), expected));
}

TEST(FakeQuantize, StridedInputsAndEmptyOnes) {
  const at::Tensor x = sample({9, 11});
  const at::Tensor scale = at::full({}, 0.1f);
  EXPECT_TRUE(at::equal(fake_quantize(x.t(), scale, {}, -8, 7), fake_quantize(x, scale, {}, -8, 7).t()));
  EXPECT_EQ(fake_quantize(at::empty({0, 4}), at::ones({1, 4}), {}, -8, 7).sizes(), at::IntArrayRef({0, 4}));
}

TEST(FakeQuantize, SaturatesHugeValuesAndKeepsNan) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor x = at::tensor({1e30f, -1e30f, infinity, -infinity, std::nanf("")});
  const at::Tensor y = fake_quantize(x, at::full({1}, 0.5f), {}, -8, 7);
  EXPECT_TRUE(at::equal(y.slice(0, 0, 4), at::tensor({3.5f, -4.0f, 3.5f, -4.0f})));
  EXPECT_TRUE(y.isnan()[4].item<bool>());
}

at::Tensor bits_of(const at::Tensor& x) {
  switch (x.element_size()) {
    case 2:
      return x.view(at::kShort);
    case 4:
      return x.view(at::kInt);
    default:
      return x.view(at::kLong);
  }
}

/// All outputs of forward and backward, as bits.
std::vector<at::Tensor> all_bits(const at::Tensor& x, const at::Tensor& grad, const at::Tensor& scale,
                                 const std::optional<at::Tensor>& mask) {
  const at::Tensor zero_point = at::full_like(scale, 0.7);
  const auto [dx, dscale, dzero_point] =
      fake_quantize_backward(grad, x, scale, zero_point, -8, 7, mask, 0.5, {true, true, true});
  return {bits_of(fake_quantize(x, scale, zero_point, -8, 7, mask)), bits_of(dx), bits_of(dscale),
          bits_of(dzero_point)};
}

TEST(FakeQuantize, MaskedEqualsQuantizedProductInEveryDtypeAndLengthOnEveryInstructionSet) {
  for_each_isa([] {
    for (const auto dtype : dtypes) {
      for (int64_t length = 1; length <= 70; ++length) {
        const at::Tensor x = sample({3, length}).to(dtype);
        const at::Tensor kept = at::rand({3, length}) > 0.5;
        // A pruned NaN must not be seen.
        const at::Tensor poisoned = x.masked_fill(kept.logical_not(), std::nan(""));
        for (const at::Tensor& scale : {at::full({}, 0.1f), at::rand({3, 1}) + 0.05, at::rand({1, length}) + 0.05}) {
          const at::Tensor got = fake_quantize(poisoned, scale, {}, -8, 7, pack_mask(kept));
          const at::Tensor wanted = fake_quantize(x.masked_fill(kept.logical_not(), 0), scale, {}, -8, 7);
          EXPECT_TRUE(at::equal(got, wanted)) << dtype << " " << length << " scale " << scale.sizes();
        }
      }
    }
  });
}

TEST(FakeQuantize, EveryInstructionSetGivesTheSameBits) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto dtype : dtypes) {
    for (const int64_t length : {1, 7, 15, 16, 17, 31, 33, 63, 64, 65, 513, 1152, 5000}) {
      at::Tensor x = sample({4, length}) * 3;
      x[0][0] = infinity;
      x[1][0] = -infinity;
      x[2][0] = 1e30f;
      x[3][length - 1] = std::nanf("");
      x = x.to(dtype);
      const at::Tensor grad = at::randn({4, length}).to(dtype);
      const at::Tensor mask = pack_mask(at::rand({4, length}) > 0.3);
      std::vector<at::Tensor> scales = {at::full({}, 0.1f), at::rand({4, 1}) + 0.05, at::rand({1, length}) + 0.05};
      for (const int64_t group : {8, 32, 48, 128}) {
        if (length % group == 0) {
          scales.push_back(at::rand({4, length / group}) + 0.05);
        }
      }
      for (const at::Tensor& scale : scales) {
        for (const std::optional<at::Tensor>& chosen : {std::optional<at::Tensor>(), std::optional<at::Tensor>(mask)}) {
          std::vector<at::Tensor> first;
          for_each_isa([&] {
            const auto bits = all_bits(x, grad, scale, chosen);
            if (first.empty()) {
              first = bits;
            }
            for (size_t i = 0; i < bits.size(); ++i) {
              EXPECT_TRUE(at::equal(bits[i], first[i])) << dtype << " " << length << " output " << i;
            }
          });
        }
      }
    }
  }
}

TEST(FakeQuantize, GroupsEqualRunsThatShareScalesOnEveryInstructionSet) {
  const auto close = [](const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-5, 1e-4); };
  for_each_isa([&] {
    for (const auto dtype : dtypes) {
      for (const int64_t group : {8, 16, 32, 40, 48, 128}) {
        for (const int64_t count : {2, 3, 4, 17, 37}) {  // not 1: a single scale multiplies doubles in float, as ATen
          const at::Tensor x = sample({2, count * group}).to(dtype);
          const at::Tensor grad = at::randn({2, count * group}).to(dtype);
          const at::Tensor shared = at::rand({1, count, 1}) + 0.05;  // two runs a scale: they are no groups
          const at::Tensor scale = shared.view({1, count}).repeat({2, 1});
          const at::Tensor zero_point = at::ones_like(scale);
          const at::Tensor zero_point_of_runs = at::ones_like(shared);
          const at::Tensor kept = at::rand({2, count * group}) > 0.3;
          const auto in_runs = [&](const at::Tensor& tensor) { return tensor.view({2, count, group}); };
          for (const bool masked : {false, true}) {
            std::optional<at::Tensor> mask, mask_of_runs;
            if (masked) {
              mask = pack_mask(kept);
              mask_of_runs = pack_mask(in_runs(kept));
            }
            const at::Tensor y = fake_quantize(in_runs(x), shared, zero_point_of_runs, -8, 7, mask_of_runs);
            EXPECT_TRUE(at::equal(in_runs(fake_quantize(x, scale, zero_point, -8, 7, mask)), y))
                << dtype << " " << count << " groups of " << group;
            for (const bool learns_zero_point : {false, true}) {
              const std::array<bool, 3> wanted = {true, true, learns_zero_point};
              const auto [dx, dscale, dzero_point] =
                  fake_quantize_backward(grad, x, scale, zero_point, -8, 7, mask, 0.5, wanted);
              const auto [dx_of_runs, dscale_of_runs, dzero_point_of_runs] = fake_quantize_backward(
                  in_runs(grad), in_runs(x), shared, zero_point_of_runs, -8, 7, mask_of_runs, 0.5, wanted);
              EXPECT_TRUE(at::equal(in_runs(dx), dx_of_runs)) << dtype << " " << count << " groups of " << group;
              // Of a run both sum the same lanes; groups are rounded to float before they are added here.
              EXPECT_TRUE(close(dscale.sum(0), dscale_of_runs.flatten())) << dtype << " " << count << " x " << group;
              EXPECT_TRUE(!learns_zero_point || close(dzero_point.sum(0), dzero_point_of_runs.flatten()))
                  << dtype << " " << count << " groups of " << group;
            }
          }
        }
      }
    }
  });
}

TEST(FakeQuantize, Bfloat16KeepsSubnormalResultsAndEveryNan) {
  const at::Tensor steps = at::arange(-64, 64, at::kFloat);
  const at::Tensor x = (steps * 0x1p-127f).to(at::kBFloat16);
  const at::Tensor smallest = at::full({}, 0x1p-127f);  // not normal, though its reciprocal is
  const at::Tensor poisoned = at::full({}, 0x7fffffff, at::kInt).view(at::kFloat);
  for_each_isa([&] {
    EXPECT_TRUE(at::equal(bits_of(fake_quantize(x, smallest, {}, -8, 7)),
                          bits_of(fake_quantize(x.to(at::kFloat), smallest, {}, -8, 7).to(at::kBFloat16))));
    EXPECT_TRUE(fake_quantize(x, poisoned, {}, -8, 7).isnan().all().item<bool>());
  });
}

TEST(FakeQuantize, HalfPrecisionsRoundLikeTorchForEveryBitPattern) {
  // Scale 2^-10 and a wide grid: the values of the grid are those of x to 2^-11, so every rounding of the store shows.
  const at::Tensor patterns = at::arange(-32768, 32768, at::kShort);
  for_each_isa([&] {
    for (const auto dtype : {at::kHalf, at::kBFloat16}) {
      const at::Tensor x = patterns.view(dtype);
      for (const float scale : {1.0f / 1024, 1.0f / 1024 / 1024 / 16, 3.0f}) {
        const at::Tensor wanted = at::fake_quantize_per_tensor_affine(x.to(at::kFloat), scale, 0, -2097151, 2097151);
        const at::Tensor finite = (x.to(at::kFloat) / scale).abs() < 2147483648.0;
        const at::Tensor got = fake_quantize(x, at::full({}, scale), {}, -2097151, 2097151);
        EXPECT_TRUE(at::equal(got.masked_select(finite), wanted.to(dtype).masked_select(finite))) << dtype << scale;
        EXPECT_TRUE(at::equal(got.isnan(), x.isnan())) << dtype << scale;
      }
    }
  });
}

TEST(FakeQuantize, GradientsDoNotDependOnTheNumberOfThreads) {
  const int threads = at::get_num_threads();
  for (const auto& [x_sizes, scale_sizes] :
       std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>>{{{300, 1001}, {}},
                                                                          {{300, 1001}, {300, 1}},
                                                                          {{300, 1001}, {1, 1001}},
                                                                          {{256, 1024}, {256, 32}},
                                                                          {{8, 64, 30, 30}, {1, 64, 1, 1}}}) {
    const at::Tensor x = sample(x_sizes);
    const at::Tensor grad = at::randn(x_sizes);
    const at::Tensor scale = at::rand(scale_sizes) + 0.05;
    at::set_num_threads(1);
    const auto one = all_bits(x, grad, scale, {});
    at::set_num_threads(2);
    const auto two = all_bits(x, grad, scale, {});
    at::set_num_threads(threads);
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_TRUE(at::equal(one[i], two[i])) << x.sizes() << " scale " << scale.sizes() << " output " << i;
    }
  }
}

TEST(FakeQuantize, GradientsEqualTorchLearnable) {
  const at::Tensor x = sample({40, 50});
  const at::Tensor grad = at::randn({40, 50});
  // Torch's per-tensor backward adds zero_point before it rounds, which moves ties; random samples have none.
  const at::Tensor scale = at::full({1}, 0.3f);
  const at::Tensor zero_point = at::full({1}, 2.2f);
  const auto [dx, dscale, dzero_point] =
      fake_quantize_backward(grad, x, scale, zero_point, -8, 7, {}, 0.5, {true, true, true});
  const auto [ex, escale, ezero_point] =
      at::_fake_quantize_learnable_per_tensor_affine_backward(grad, x, scale, zero_point, -8, 7, 0.5);
  EXPECT_TRUE(at::equal(dx, ex));
  EXPECT_TRUE(at::allclose(dscale, escale, 1e-5, 1e-3));
  EXPECT_TRUE(at::allclose(dzero_point, ezero_point, 1e-5, 1e-3));
  EXPECT_TRUE(at::equal(fake_quantize(x, scale, zero_point, -8, 7),
                        at::_fake_quantize_learnable_per_tensor_affine(x, scale, zero_point, -8, 7)));
}

TEST(FakeQuantize, AutogradGivesTheBackwardOperatorsGradients) {
  const at::Tensor mask = pack_mask(at::rand({5, 9}) > 0.5);
  const at::Tensor x = sample({5, 9}).requires_grad_();
  const at::Tensor scale = (at::rand({5, 1}) + 0.1).requires_grad_();
  const at::Tensor y = fake_quantize(x, scale, {}, -8, 7, mask, 0.25);
  const at::Tensor grad = at::randn({5, 9});
  const auto got = torch::autograd::grad({y}, {x, scale}, {grad});
  const auto [dx, dscale, none] =
      fake_quantize_backward(grad, x.detach(), scale.detach(), {}, -8, 7, mask, 0.25, {true, true, false});
  EXPECT_TRUE(at::equal(got[0], dx));
  EXPECT_TRUE(at::equal(got[1], dscale));
  EXPECT_FALSE(none.defined());
}

TEST(FakeQuantize, NanReachesTheScalesGradient) {
  const at::Tensor x = at::tensor({1.0f, std::nanf("")});
  const auto [dx, dscale, none] =
      fake_quantize_backward(at::ones({2}), x, at::ones({}), {}, -8, 7, {}, 1.0, {true, true, false});
  EXPECT_TRUE(at::equal(dx, at::tensor({1.0f, 0.0f})));  // ATen too counts NaN as outside the grid
  EXPECT_TRUE(dscale.isnan().item<bool>());
}

TEST(FakeQuantize, EmptyTensorsHaveZeroScaleGradients) {
  const at::Tensor x = at::empty({0, 4});
  const auto [dx, dscale, none] =
      fake_quantize_backward(x, x, at::ones({1, 4}), {}, -8, 7, {}, 1.0, {true, true, false});
  EXPECT_EQ(dx.sizes(), x.sizes());
  EXPECT_TRUE(at::equal(dscale, at::zeros({1, 4})));
}

TEST(FakeQuantize, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor x = at::ones({4, 6});
  const at::Tensor one = at::ones({});
  const auto message = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  };
  const auto expect = [&](auto&& call, const char* part) {
    const std::string text = message(call);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect([&] { fake_quantize(x, at::ones({3, 1}), {}, -8, 7); }, "got scale [3, 1] for x [4, 6]");
  expect([&] { fake_quantize(x, one.to(at::kDouble), {}, -8, 7); }, "scale must be float32");
  expect([&] { fake_quantize(x.to(at::kInt), one, {}, -8, 7); }, "x must be float32, float64, float16 or bfloat16");
  expect([&] { fake_quantize(x, one, {}, 7, 7); }, "quant_min must be below quant_max");
  expect([&] { fake_quantize(x, one, at::zeros({}, at::kDouble), -8, 7); },
         "zero_point must be int32, int64 or float32");
  expect([&] { fake_quantize(x, one, at::zeros({1}, at::kInt), -8, 7); }, "zero_point must have scale's shape");
  expect([&] { fake_quantize(x, one, {}, 1, 7); }, "without zero_point, 0 must lie between");
  expect([&] { fake_quantize(x, one, {}, -8, int64_t{1} << 22); }, "must lie within -2^21..2^21");
  expect([&] { fake_quantize(x, one, {}, -8, 7, at::ones({4, 6})); }, "mask must be packed to uint8");
  expect([&] { fake_quantize(x, one, {}, -8, 7, at::ones({4, 2}, at::kByte)); }, "expected [4, 1]");
  expect([&] { fake_quantize(x, at::ones({}, at::kMeta), {}, -8, 7); }, "scale must be on x's device");
  const auto backward = [&](const at::Tensor& grad, std::array<bool, 3> wanted) {
    fake_quantize_backward(grad, x, one, {}, -8, 7, {}, 1.0, wanted);
  };
  expect([&] { backward(at::ones({6, 4}), {true, true, false}); }, "grad must have x's shape (got [6, 4]");
  expect([&] { backward(x.to(at::kHalf), {true, true, false}); }, "grad must have x's dtype");
  expect([&] { backward(x, {true, true, true}); }, "only a float32 zero_point has a gradient");
}

}  // namespace
}  // namespace compress
