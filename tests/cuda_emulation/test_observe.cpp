#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "compress/ops/observe_min_max.h"
#include "compress/ops/observe_multi.h"
#include "compress/ops/observe_qparams.h"
#include "quantizer_cases.h"

namespace compress {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// min and max before anything was observed, or after something was.
Tensors state(at::IntArrayRef sizes, bool is_fresh) {
  return is_fresh ? Tensors{at::full(sizes, infinity), at::full(sizes, -infinity)}
                  : Tensors{at::full(sizes, -2.5f), at::full(sizes, 1.5f)};
}

/// Numbers, or numbers with NaN and infinities in all rows but the first.
at::Tensor observed(const QuantizerCase& of, at::ScalarType dtype, bool with_extremes) {
  const at::Tensor x = with_extremes ? sample_with_extremes(of.sizes, dtype) : sample(of.sizes, dtype);
  return x.contiguous(of.memory_format);
}

TEST(ObserveMinMax, EveryGranularity) {
  for (const QuantizerCase& of : quantizer_cases()) {
    for (const auto dtype : dtypes()) {
      for (const bool with_extremes : {false, true}) {
        const Tensors ranges = state(of.scale_sizes, with_extremes);
        const auto op = [&](const Tensors& in) -> Tensors {
          at::Tensor min = in[0];
          at::Tensor max = in[1];
          observe_min_max_(min, max, in[2], with_extremes ? 0.0 : 0.1);
          return {min, max};
        };
        expect_as_on_cpu(describe(of, dtype, {with_extremes ? "extremes" : "", ZeroPoint::none, false}), op,
                         {ranges[0], ranges[1], observed(of, dtype, with_extremes)});
      }
    }
  }
}

TEST(ObserveQparams, EveryTypeOfZeroPoint) {
  const std::vector<std::pair<const char*, std::optional<at::ScalarType>>> types = {
      {"none", std::nullopt}, {"int32", at::kInt}, {"int64", at::kLong}, {"float32", at::kFloat}};
  for (const QuantizerCase& of : quantizer_cases()) {
    for (const auto& [name, type] : types) {
      const at::Tensor zero_point = type ? at::zeros(of.scale_sizes, *type) : at::Tensor();
      const bool symmetric = !type;
      const auto op = [&](const Tensors& in) -> Tensors {
        at::Tensor min = in[0];
        at::Tensor max = in[1];
        at::Tensor scale = in[2];
        observe_qparams_(min, max, scale, if_defined(in[3]), in[4], -8, 7, symmetric, 0.1, symmetric);
        return {min, max, scale, in[3]};
      };
      const Tensors ranges = state(of.scale_sizes, false);
      expect_as_on_cpu(describe(of, at::kFloat, {name, ZeroPoint::none, false}), op,
                       {ranges[0], ranges[1], at::ones(of.scale_sizes), zero_point, observed(of, at::kFloat, false)});
    }
  }
}

TEST(ObserveQparams, FoldedBatchNorm) {
  const std::vector<QuantizerCase> cases = {{{6, 40}, {6, 1}}, {{6, 40}, {}}, {{6, 3, 3, 3}, {6, 1, 1, 1}}};
  for (const QuantizerCase& of : cases) {
    std::vector<int64_t> factor_sizes(of.sizes.size(), 1);
    factor_sizes[0] = 6;
    const auto op = [&](const Tensors& in) -> Tensors {
      at::Tensor min = in[0];
      at::Tensor max = in[1];
      at::Tensor scale = in[2];
      observe_qparams_(min, max, scale, in[3], in[4], -8, 7, false, 0.0, true, 100.0, in[5]);
      return {min, max, scale, in[3]};
    };
    const Tensors ranges = state(of.scale_sizes, true);
    expect_as_on_cpu(describe(of, at::kFloat, {"", ZeroPoint::none, false}), op,
                     {ranges[0], ranges[1], at::ones(of.scale_sizes), at::zeros(of.scale_sizes, at::kInt),
                      observed(of, at::kFloat, false), sample(factor_sizes, at::kFloat)});
  }
}

constexpr size_t parts_of_tensor = 5;

void add_tensor(const QuantizerCase& of, at::ScalarType dtype, bool with_extremes, Tensors& inputs) {
  const Tensors ranges = state(of.scale_sizes, with_extremes);
  inputs.insert(inputs.end(), {ranges[0], ranges[1], at::ones(of.scale_sizes), at::zeros(of.scale_sizes, at::kInt),
                               observed(of, dtype, with_extremes)});
}

/// All cases, of mixed types, and more small tensors of one type than a launch's table holds.
Tensors many_tensors(bool with_extremes) {
  Tensors inputs;
  for (const QuantizerCase& of : quantizer_cases()) {
    add_tensor(of, dtypes()[inputs.size() / parts_of_tensor % dtypes().size()], with_extremes, inputs);
  }
  for (int64_t i = 0; i < 120; ++i) {
    add_tensor({{2, i + 1}, {2, 1}}, at::kHalf, with_extremes, inputs);
  }
  return inputs;
}

TEST(ObserveMulti, ManyTensors) {
  for (const bool with_extremes : {false, true}) {
    const auto op = [&](const Tensors& in) -> Tensors {
      std::vector<Tensors> lists(parts_of_tensor);
      Tensors written;
      for (size_t i = 0; i < in.size(); ++i) {
        lists[i % parts_of_tensor].push_back(in[i]);
        if (i % parts_of_tensor != parts_of_tensor - 1) {
          written.push_back(in[i]);
        }
      }
      observe_multi_(lists[0], lists[1], lists[2], lists[3], lists[4], -8, 7, false, 0.1, with_extremes);
      return written;
    };
    expect_as_on_cpu(with_extremes ? "extremes, forgotten" : "", op, many_tensors(with_extremes));
  }
}

}  // namespace
}  // namespace compress
