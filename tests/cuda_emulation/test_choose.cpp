#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "as_on_cpu.h"
#include "compress/ops/choose_float_scale.h"
#include "compress/ops/choose_qparams.h"

namespace compress {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Minima and maxima of `count` ranges: ordinary ones, of one sign, empty, tiny, huge, never observed, NaN, infinite.
Tensors ranges(int64_t count) {
  const at::Tensor low = sample({count}, at::kFloat);
  const at::Tensor high = low + sample({count}, at::kFloat).flip(0).abs();
  const std::vector<std::pair<float, float>> special = {{infinity, -infinity}, {std::nanf(""), 1.0f}, {0.0f, 0.0f},
                                                        {-infinity, 1.0f},     {-1e-38f, 1e-38f},     {-3e38f, 3e38f},
                                                        {-1e-42f, 0.f},        {-5.0f, -2.0f}};
  for (size_t i = 0; i < special.size() && static_cast<int64_t>(3 * i) < count; ++i) {
    low[static_cast<int64_t>(3 * i)].fill_(special[i].first);
    high[static_cast<int64_t>(3 * i)].fill_(special[i].second);
  }
  return {low, high};
}

const std::vector<int64_t> counts = {0, 1, 7, 255, 256, 257, 2000};

TEST(ChooseQparams, EveryRange) {
  for (const int64_t count : counts) {
    for (const bool symmetric : {false, true}) {
      const auto op = [&](const Tensors& in) -> Tensors {
        const auto [scale, zero_point] = choose_qparams(in[0], in[1], -128, 127, symmetric);
        return {scale, zero_point};
      };
      expect_as_on_cpu(std::to_string(count) + (symmetric ? " symmetric" : ""), op, ranges(count));
    }
  }
}

TEST(ChooseFloatScale, EveryRangeFormatAndScaleFormat) {
  for (const int64_t count : counts) {
    for (const auto& [exponent_bits, mantissa_bits] : {std::pair(4, 3), {5, 2}, {3, 2}, {2, 3}, {2, 1}}) {
      for (const std::string scale_format : {"float32", "e8m0", "e4m3"}) {
        Tensors inputs = ranges(count);
        inputs.push_back(scale_format == "e4m3" ? at::full({}, 20.0f) : at::Tensor());
        const auto op = [&, exponents = exponent_bits, mantissas = mantissa_bits](const Tensors& in) -> Tensors {
          const auto tensor_amax = in[2].defined() ? std::optional(in[2]) : std::nullopt;
          return {choose_float_scale(in[0], in[1], exponents, mantissas, scale_format, tensor_amax)};
        };
        expect_as_on_cpu(std::to_string(count) + " " + scale_format, op, inputs);
      }
    }
  }
}

}  // namespace
}  // namespace compress
