#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>
#include <vector>

#include "compress/ops/fake_quantize_float.h"
#include "compress/ops/math/divide.h"
#include "compress/ops/math/small_float.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

struct Format {
  int exponent_bits;
  int mantissa_bits;
  float max;
};
const std::vector<Format> formats = {{4, 3, 448.0f}, {5, 2, 57344.0f}, {3, 2, 28.0f}, {2, 3, 7.5f}, {2, 1, 6.0f}};
const std::vector<at::ScalarType> dtypes = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

/// Every non-negative finite value, decoded from its code: slow, and independent of how the operator rounds.
std::vector<double> values_of(const Format& format) {
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  std::vector<double> values;
  for (int code = 0; code < 1 << (format.exponent_bits + format.mantissa_bits); ++code) {
    const int exponent = code >> format.mantissa_bits;
    const double fraction = static_cast<double>(code & ((1 << format.mantissa_bits) - 1)) / (1 << format.mantissa_bits);
    const double value = exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
    if (value <= format.max) {
      values.push_back(value);
    }
  }
  return values;
}

/// The nearest value; at a tie the one with the even code; the largest beyond all.
double nearest(const std::vector<double>& values, double magnitude) {
  if (magnitude >= values.back()) {
    return values.back();
  }
  size_t best = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const double closer = std::abs(values[best] - magnitude) - std::abs(values[i] - magnitude);
    if (closer > 0 || (closer == 0 && i % 2 == 0)) {
      best = i;
    }
  }
  return values[best];
}

/// Each value, each midpoint, their float32 neighbours, and what lies beyond the range; both signs.
std::vector<float> probes_of(const std::vector<double>& values) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> probes = {1e-30f, 1e-45f, static_cast<float>(values.back() * 1.5), 1e30f};
  for (size_t i = 0; i < values.size(); ++i) {
    const double next = i + 1 < values.size() ? values[i + 1] : 2 * values[i] - values[i - 1];
    for (const auto exact : {static_cast<float>(values[i]), static_cast<float>((values[i] + next) / 2)}) {
      probes.insert(probes.end(), {exact, std::nextafter(exact, infinity), std::nextafter(exact, 0.0f)});
    }
  }
  const size_t count = probes.size();
  for (size_t i = 0; i < count; ++i) {
    probes.push_back(-probes[i]);
  }
  return probes;
}

at::Tensor bits_of(const at::Tensor& x) {
  return x.view(x.element_size() == 2 ? at::kShort : (x.element_size() == 4 ? at::kInt : at::kLong));
}

TEST(FakeQuantizeFloat, EveryValueAndMidpointOfEveryFormatRoundsAsTheSpecificationSays) {
  for (const Format& format : formats) {
    const std::vector<double> values = values_of(format);
    EXPECT_EQ(values.back(), format.max);
    const std::vector<float> probes = probes_of(values);
    std::vector<float> expected;
    for (const float probe : probes) {
      expected.push_back(std::copysign(static_cast<float>(nearest(values, std::abs(probe))), probe));
    }
    for_each_isa([&] {
      // A power of two multiplies by its reciprocal; 3 divides; one scale per element loads it.
      const at::Tensor x = at::tensor(probes);
      const at::Tensor wanted = at::tensor(expected);
      for (const at::Tensor& scale : {at::full({}, 1.0f), at::full({x.numel()}, 1.0f)}) {
        EXPECT_TRUE(at::equal(bits_of(fake_quantize_float(x, scale, format.exponent_bits, format.mantissa_bits)),
                              bits_of(wanted)))
            << format.max;
      }
      const at::Tensor three = at::full({}, 3.0f);
      const at::Tensor quotient = x * 3 / 3;  // what is rounded: mostly x
      const at::Tensor by_three = fake_quantize_float(x * 3, three, format.exponent_bits, format.mantissa_bits);
      const at::Tensor by_one =
          fake_quantize_float(quotient, at::full({}, 1.0f), format.exponent_bits, format.mantissa_bits);
      EXPECT_TRUE(at::equal(bits_of(by_three), bits_of(by_one * 3))) << format.max;
    });
  }
}

TEST(FakeQuantizeFloat, EqualsTorchsCastsForEveryFloat16AndBFloat16Number) {
  const at::Tensor patterns = at::arange(-32768, 32768, at::kShort);
  for_each_isa([&] {
    for (const auto dtype : {at::kHalf, at::kBFloat16}) {
      for (const float scale : {1.0f, 0.125f, 0.3f}) {
        const at::Tensor x = patterns.view(dtype);
        const at::Tensor quotient = x.to(at::kFloat) / scale;
        for (const auto& [format, type] : {std::pair{formats[0], at::kFloat8_e4m3fn}, {formats[1], at::kFloat8_e5m2}}) {
          const at::Tensor inside = quotient.abs() <= format.max;
          const at::Tensor wanted = (quotient.to(type).to(at::kFloat) * scale).to(dtype);
          const at::Tensor got =
              fake_quantize_float(x, at::full({}, scale), format.exponent_bits, format.mantissa_bits);
          EXPECT_TRUE(at::equal(bits_of(got).masked_select(inside), bits_of(wanted).masked_select(inside)))
              << dtype << scale;
          EXPECT_TRUE(at::equal(got.isnan(), x.isnan())) << dtype << scale;
        }
      }
    }
  });
}

TEST(FakeQuantizeFloat, SaturatesInfinityAndKeepsNanAndTheSignOfZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor x = at::tensor({infinity, -infinity, 1e38f, -0.0f, -1e-30f, std::nanf("")});
  for (const Format& format : formats) {
    for (const float scale : {0.5f, 0.3f}) {
      const at::Tensor y = fake_quantize_float(x, at::full({}, scale), format.exponent_bits, format.mantissa_bits);
      const float end = format.max * scale;
      EXPECT_TRUE(at::equal(bits_of(y.slice(0, 0, 5)), bits_of(at::tensor({end, -end, end, -0.0f, -0.0f}))));
      EXPECT_TRUE(y[5].isnan().item<bool>());
    }
  }
}

TEST(FakeQuantizeFloat, ScalesAtTheEndsOfE8M0DivideExactly) {
  for (const int exponent : {-127, -126, -125, 0, 125, 126, 127}) {
    const float scale = std::ldexp(1.0f, exponent);
    const at::Tensor x = at::tensor({1.3, -0.4, 1.75}, at::kDouble) * std::ldexp(1.0, exponent);
    const at::Tensor y = fake_quantize_float(x, at::full({}, scale), 2, 1);
    const at::Tensor wanted = at::tensor({1.5, -0.5, 2.0}, at::kDouble) * std::ldexp(1.0, exponent);
    EXPECT_TRUE(at::equal(y, wanted)) << exponent;
    if (exponent < 127) {  // 2 * 2^127 is no float32
      EXPECT_TRUE(at::equal(fake_quantize_float(x.to(at::kFloat), at::full({}, scale), 2, 1).slice(0, 1),
                            wanted.to(at::kFloat).slice(0, 1)))
          << exponent;
    }
  }
}

struct Case {
  std::vector<int64_t> x;
  std::vector<int64_t> scale;
};
const std::vector<Case> cases = {{{37, 53}, {}},
                                 {{37, 53}, {37, 1}},
                                 {{37, 53}, {1, 53}},
                                 {{37, 53}, {37, 53}},
                                 {{24, 96}, {24, 3}},
                                 {{24, 96}, {24, 6}},
                                 {{24, 96}, {6, 12}},
                                 {{3, 5000}, {3, 1}},
                                 {{130, 1056}, {130, 33}},
                                 {{5, 100}, {5, 20}},
                                 {{4, 6, 5, 7}, {1, 6, 1, 1}},
                                 {{4, 6, 5, 7}, {4, 1, 1, 7}},
                                 {{1}, {1}}};

at::Tensor spread(at::Tensor scale, const at::Tensor& x) {
  if (scale.dim() != x.dim()) {
    return scale.expand(x.sizes());
  }
  for (int64_t d = 0; d < x.dim(); ++d) {
    scale = scale.repeat_interleave(x.size(d) / scale.size(d), d);
  }
  return scale;
}

TEST(FakeQuantizeFloat, EveryGranularityEqualsTheElementwiseCast) {
  for_each_isa([] {
    for (const Case& shapes : cases) {
      for (const auto dtype : dtypes) {
        at::manual_seed(1);
        const at::Tensor x = (at::randn(shapes.x) * 60).to(dtype);
        // Powers of two and other scales side by side.
        const at::Tensor random = at::rand(shapes.scale) + 0.1;
        const at::Tensor scale = at::where(at::rand(shapes.scale) > 0.5, random, at::full({}, 0.25f));
        const at::Tensor wide = dtype == at::kDouble ? x : x.to(at::kFloat);
        const at::Tensor scales = spread(scale, x).to(wide.scalar_type());
        const at::Tensor wanted =
            ((wide / scales).clamp(-448, 448).to(at::kFloat8_e4m3fn).to(wide.scalar_type()) * scales).to(dtype);
        EXPECT_TRUE(at::equal(fake_quantize_float(x, scale, 4, 3), wanted)) << x.sizes() << scale.sizes() << dtype;
      }
    }
  });
}

TEST(FakeQuantizeFloat, MaskedEqualsTheQuantizedProductAndItsGradient) {
  for_each_isa([] {
    for (const Case& shapes : cases) {
      for (const auto dtype : dtypes) {
        at::manual_seed(2);
        const at::Tensor x = (at::randn(shapes.x) * 5).to(dtype);
        const at::Tensor grad = at::randn(shapes.x).to(dtype);
        const at::Tensor scale = at::rand(shapes.scale) + 0.1;
        const at::Tensor pruned = at::rand(shapes.x) > 0.5;
        const at::Tensor mask = pack_mask(pruned.logical_not());
        const at::Tensor poisoned = x.masked_fill(pruned, std::nan(""));  // a pruned NaN must not be seen
        EXPECT_TRUE(at::equal(fake_quantize_float(poisoned, scale, 2, 1, mask),
                              fake_quantize_float(x.masked_fill(pruned, 0), scale, 2, 1)))
            << x.sizes() << scale.sizes() << dtype;
        const at::Tensor quotient = x.to(at::kDouble) / spread(scale, x).to(at::kDouble);
        const at::Tensor outside = quotient.abs() >= 7;  // 7 is the tie between 6 and what would be 8
        EXPECT_TRUE(at::equal(fake_quantize_float_backward(grad, poisoned, scale, 2, 1, mask),
                              grad.masked_fill(pruned.logical_or(outside), 0)))
            << x.sizes() << scale.sizes() << dtype;
        EXPECT_TRUE(at::equal(fake_quantize_float_backward(grad, x, scale, 2, 1, {}), grad.masked_fill(outside, 0)));
      }
    }
  });
}

TEST(FakeQuantizeFloat, GradientStopsWhereRoundingWouldPassTheLargestValue) {
  // Per format the last float32 that rounds to max: the tie is even only in E4M3.
  for (const Format& format : formats) {
    const std::vector<double> values = values_of(format);
    const float tie = static_cast<float>(values.back() + (values.back() - values[values.size() - 2]) / 2);
    const float last = format.exponent_bits == 4 ? tie : std::nextafter(tie, 0.0f);
    const float beyond = std::nextafter(last, 1e30f);
    const at::Tensor x =
        at::tensor({last, -last, beyond, -beyond, std::numeric_limits<float>::infinity(), std::nanf(""), 0.0f});
    const at::Tensor dx = fake_quantize_float_backward(at::ones({7}), x, at::full({}, 1.0f), format.exponent_bits,
                                                       format.mantissa_bits, {});
    EXPECT_TRUE(at::equal(dx, at::tensor({1.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f}))) << format.max;
  }
}

TEST(FakeQuantizeFloat, EveryInstructionSetGivesTheSameBits) {
  for (const auto dtype : dtypes) {
    for (const int64_t length : {1, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 513, 5000}) {
      at::manual_seed(length);
      at::Tensor x = at::randn({4, length}) * 100;
      x[0][0] = std::numeric_limits<float>::infinity();
      x[3][length - 1] = std::nanf("");
      x = x.to(dtype);
      const at::Tensor grad = at::randn({4, length}).to(dtype);
      for (const at::Tensor& scale : {at::full({}, 0.3f), at::full({4, 1}, 0.25f), at::rand({1, length}) + 0.1}) {
        std::vector<at::Tensor> first;
        for_each_isa([&] {
          const std::vector<at::Tensor> bits = {bits_of(fake_quantize_float(x, scale, 4, 3)),
                                                bits_of(fake_quantize_float_backward(grad, x, scale, 4, 3, {}))};
          first = first.empty() ? bits : first;
          EXPECT_TRUE(at::equal(bits[0], first[0]) && at::equal(bits[1], first[1])) << dtype << " " << length;
        });
      }
    }
  }
}

TEST(FakeQuantizeFloat, AnyNumberOfThreadsGivesTheSameBits) {
  const int threads = at::get_num_threads();
  const at::Tensor x = at::randn({300, 1024}) * 100;
  const at::Tensor mask = pack_mask(at::rand({300, 1024}) > 0.5);
  for (const at::Tensor& scale : {at::full({}, 0.3f), at::rand({300, 32}) + 0.1, at::rand({300, 8}) + 0.1}) {
    at::set_num_threads(1);
    const at::Tensor one = fake_quantize_float(x, scale, 4, 3, mask);
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(fake_quantize_float(x, scale, 4, 3, mask), one)) << scale.sizes();
  }
  at::set_num_threads(threads);
}

TEST(FakeQuantizeFloat, StridesChannelsLastAndEmpties) {
  const at::Tensor x = at::randn({4, 6, 5, 7}) * 5;
  const at::Tensor scale = at::rand({1, 6, 1, 1}) + 0.1;
  const at::Tensor wanted = fake_quantize_float(x, scale, 2, 3);
  const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor got = fake_quantize_float(last, scale, 2, 3);
  EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(got, wanted));
  EXPECT_TRUE(at::equal(fake_quantize_float(x.transpose(0, 1), scale.transpose(0, 1), 2, 3), wanted.transpose(0, 1)));
  EXPECT_EQ(fake_quantize_float(at::empty({0, 4}), at::ones({1, 4}), 4, 3).sizes(), at::IntArrayRef({0, 4}));
  const at::Tensor empty = at::empty({0, 4});
  EXPECT_EQ(fake_quantize_float_backward(empty, empty, at::ones({}), 4, 3, {}).sizes(), empty.sizes());
}

TEST(FakeQuantizeFloat, AutogradGivesTheBackwardOperatorsGradientAndRefusesOneOfTheScale) {
  const at::Tensor x = (at::randn({5, 32}) * 5).requires_grad_();
  const at::Tensor scale = at::rand({5, 2}) + 0.1;
  const at::Tensor grad = at::randn({5, 32});
  const auto got = torch::autograd::grad({fake_quantize_float(x, scale, 2, 1)}, {x}, {grad});
  EXPECT_TRUE(at::equal(got[0], fake_quantize_float_backward(grad, x.detach(), scale, 2, 1, {})));
  const at::Tensor learned = at::rand({5, 2}).requires_grad_();
  EXPECT_THROW(fake_quantize_float(x, learned, 2, 1), c10::Error);
  const at::NoGradGuard guard;
  EXPECT_FALSE(fake_quantize_float(x, learned, 2, 1).requires_grad());
}

TEST(FakeQuantizeFloat, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor x = at::ones({4, 6});
  const at::Tensor one = at::ones({});
  EXPECT_THROW(fake_quantize_float(x.to(at::kInt), one, 4, 3), c10::Error);
  EXPECT_THROW(fake_quantize_float(x, one.to(at::kDouble), 4, 3), c10::Error);
  EXPECT_THROW(fake_quantize_float(x, one, 3, 4), c10::Error);
  EXPECT_THROW(fake_quantize_float(x, at::ones({4, 4}), 4, 3), c10::Error);
  EXPECT_THROW(fake_quantize_float(x, one, 4, 3, at::ones({4, 6}, at::kBool)), c10::Error);
  EXPECT_THROW(fake_quantize_float_backward(at::ones({4}), x, one, 4, 3, {}), c10::Error);
}

TEST(Divide, EqualsTheInstructionAtEveryKindOfDivisor) {
  for (const int64_t numbers :
       {int64_t{1} << 20, int64_t{1} << 31, (int64_t{1} << 31) + 1, int64_t{1} << 40, int64_t{1} << 62}) {
    for (const int64_t divisor :
         {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{7}, int64_t{32}, int64_t{49}, int64_t{641}, int64_t{65535},
          int64_t{65537}, (int64_t{1} << 30) + 1, (int64_t{1} << 31) - 1, int64_t{1} << 33}) {
      const math::Divide divide(divisor);
      for (int64_t quotient = 0; quotient * divisor < numbers; quotient += 1 + numbers / divisor / 97) {
        for (const int64_t number : {quotient * divisor, quotient * divisor + divisor - 1, numbers - 1 - quotient}) {
          if (number >= 0 && number < numbers) {
            ASSERT_EQ(divide(number), number / divisor) << number << " / " << divisor;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace compress
